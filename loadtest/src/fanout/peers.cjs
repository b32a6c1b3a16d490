// The peers that run in Node, and the control server of the conformance table.
//   node peers.cjs uwebsockets|ws <port> <hz> <sockets> <delay ms> <bytes>
//   node peers.cjs echo <port>
'use strict';
const [kind, port, hz, sockets, delay, bytes] = process.argv.slice(2).map((word, at) => (at === 0 ? word : Number(word)));

const frame = (seq) => `${`{"t":"delta","seq":${seq},"prev":${seq - 1},"set":"`.padEnd(bytes - 2, 'x')}"}`;

let open = 0;
const opened = (publish) => {
    open += 1;
    if (open !== sockets || hz === 0) return;
    setTimeout(() => {
        let seq = 0;
        setInterval(() => { seq += 1; publish(frame(seq)); }, 1000 / hz);
    }, delay);
};

if (kind === 'uwebsockets') {
    const app = require('uwebsockets').App();
    app.ws('/*', {
        compression: 0,
        idleTimeout: 0,
        open: (socket) => { socket.subscribe('race'); opened((text) => app.publish('race', text)); },
    });
    app.listen('127.0.0.1', port, (ok) => { if (!ok) process.exit(1); });
} else {
    const { WebSocketServer } = require('ws');
    const server = new WebSocketServer({ host: '127.0.0.1', port, perMessageDeflate: false, backlog: 4096, maxPayload: 4096 });
    server.on('connection', (socket) => {
        socket.on('error', () => {});
        if (kind === 'echo') {
            socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
            return;
        }
        opened((text) => {
            const data = Buffer.from(text);
            for (const client of server.clients) client.send(data, { binary: false });
        });
    });
}
