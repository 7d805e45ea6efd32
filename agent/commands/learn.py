"""`tillwire learn`: works out how a device of this box is set, and the lines of the configuration for it."""

import argparse

from agent.commands import learn_drawer, learn_scanner


def add_arguments(parser: argparse.ArgumentParser) -> None:
    devices = parser.add_subparsers(dest="device_kind", required=True, metavar="scanner|drawer")
    what = "layout, suffix and speed of a reader, from one scan of the calibration code"
    scanner = devices.add_parser("scanner", help=what, description=f"Works out {what}.")
    learn_scanner.add_arguments(scanner)
    what = "status source and polarity of a drawer, from once closed and once open"
    drawer = devices.add_parser("drawer", help=what, description=f"Works out {what}.")
    learn_drawer.add_arguments(drawer)


def run(arguments: argparse.Namespace) -> int:
    if arguments.device_kind == "drawer":
        return learn_drawer.run(arguments)
    return learn_scanner.run(arguments)
