// What the tests written in JavaScript share: the instance and its clients.
'use strict';

const fs = require('node:fs');
const { ImapFlow } = require('imapflow');

const env = process.env;
const ca = fs.readFileSync(env.CA_FILE);

// The certificate must be of our authority and for our name.
const tls = { ca, servername: env.TLS_NAME };

async function login(options) {
    const client = new ImapFlow({
        host: env.HOST, port: env.IMAPS_PORT, secure: true, tls,
        servername: env.TLS_NAME, logger: false,
        auth: { user: env.READER, pass: env.READPASS }, ...options,
    });
    await client.connect();
    return client;
}

// heard(client, name, wanted): the next event of this name that is wanted.
// Ask before you cause it.
function heard(client, name, wanted = () => true, ms = 20000) {
    return new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(
            `no "${name}" within ${ms} ms`)), ms);
        client.on(name, function listen(event) {
            if (!wanted(event))
                return;
            clearTimeout(late);
            client.off(name, listen);
            resolve(event);
        });
    });
}

// Runs the steps in their order; the first that fails ends the test.
async function run(steps) {
    for (const step of steps) {
        try {
            await step();
        } catch (error) {
            console.error(`${step.name}: ${error.stack}`,
                error.executedCommand || '', error.responseText || '');
            process.exit(1);
        }
    }
    process.exit(0);
}

module.exports = { env, tls, login, heard, run };
