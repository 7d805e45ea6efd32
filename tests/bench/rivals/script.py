"""What a user would write instead: pyserial and requests, and no journal at all. No promise of the law is kept here.

Started as `python tests/bench/rivals/script.py ADDRESS CA_FILE DRAWER session|each`: the connection is kept, or made
for each request. A byte on DRAWER is the closing drawer. It prints `ready`.
"""

import sys

import requests
import serial

HEADERS = {"Authorization": "Bearer c0p22mjoea0vktmfe09r9h1b40"}
TIMEOUT_S = 15.0

address, ca_file, drawer, connections = sys.argv[1:]
post = requests.Session().post if connections == "session" else requests.post
with serial.Serial(drawer) as port:
    post(f"{address}/warm", json={}, headers=HEADERS, verify=ca_file, timeout=TIMEOUT_S)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while port.read(1):
        post(f"{address}/start/cash", json={}, headers=HEADERS, verify=ca_file, timeout=TIMEOUT_S)
