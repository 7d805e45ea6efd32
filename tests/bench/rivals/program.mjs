// What a user would write instead: Node with `serialport` and `fetch`, and no journal at all.
//
// Started as `node program.mjs ADDRESS DRAWER`; a byte on DRAWER is the closing drawer. It prints `ready`.
import { SerialPort } from 'serialport'

const [address, drawer] = process.argv.slice(2)
const headers = { Authorization: 'Bearer c0p22mjoea0vktmfe09r9h1b40', 'Content-Type': 'application/json' }
const post = async (path) => (await fetch(address + path, { method: 'POST', headers, body: '{}' })).text()

const port = new SerialPort({ path: drawer, baudRate: 9600 })
port.on('data', () => post('/start/cash'))
port.on('open', async () => {
  await post('/warm')
  console.log('ready')
})
