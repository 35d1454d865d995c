// nodemailer submits with STARTTLS and with TLS from the start; attachments
// arrive octet by octet; a pool sends many over few connections; what must be
// refused is, and nodemailer knows why.
'use strict';

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const nodemailer = require('nodemailer');
const { env, tls, login, run } = require('./suite');

const auth = { user: env.USER1, pass: env.PASS1 };
const implicit = { host: env.HOST, port: env.SUBMISSIONS_PORT, secure: true,
    tls, auth };
const upgraded = { host: env.HOST, port: env.SUBMISSION_PORT, secure: false,
    requireTLS: true, tls, auth };
const POOL = 60;

let count = 0;

function letter(more) {
    return { from: { name: 'Ann Ä', address: env.USER1 }, to: env.READER,
        subject: `${env.WORD} ${++count} – 東京`, text: 'Grüße\n.\n..two\n',
        ...more };
}

// What the reader has with this subject.
async function arrived(subject) {
    const client = await login();
    try {
        await client.mailboxOpen('INBOX');
        for (const until = Date.now() + 20000; Date.now() < until;) {
            await client.noop();
            const found = await client.fetchAll({ header:
                { Subject: env.WORD } }, { uid: true, envelope: true,
                bodyStructure: true, source: true });
            const mine = found.filter((m) => m.envelope.subject === subject);
            if (mine.length > 0)
                return mine;
            await new Promise((resolve) => setTimeout(resolve, 100));
        }
        return [];
    } finally {
        await client.logout();
    }
}

async function once(subject) {
    const found = await arrived(subject);
    assert.equal(found.length, 1, subject);
    return found[0];
}

async function submits() {
    for (const way of [implicit, upgraded])
        for (const authMethod of ['PLAIN', 'LOGIN']) {
            const mail = letter();
            const sent = await nodemailer.createTransport({ ...way,
                authMethod }).sendMail(mail);
            assert.match(sent.response, /^250 2\./);
            assert.deepEqual(sent.accepted, [env.READER]);
            const got = await once(mail.subject);
            assert.equal(got.envelope.messageId, sent.messageId);
            assert.equal(got.envelope.from[0].name, 'Ann Ä');
            assert.match(got.source.toString(),
                /\r\n\r\nGr=C3=BC=C3=9Fe\r\n\.\r\n\.\.two\r\n/);
            // RFC 3848: with TLS and a password.
            assert.match(got.source.toString(), /\bwith ESMTPSA\b/);
        }
}

async function attaches() {
    const bytes = crypto.randomBytes(1 << 20);
    const mail = letter({ html: '<p>Grüße <img src="cid:x"></p>',
        attachments: [
            { filename: 'bytes.bin', content: bytes },
            { filename: 'Grüße 東京.txt', content: 'ä\n',
                contentType: 'text/plain; charset=utf-8' },
            { filename: 'x.png', content: bytes.subarray(0, 100), cid: 'x' },
        ] });
    await nodemailer.createTransport(implicit).sendMail(mail);
    const { uid, bodyStructure } = await once(mail.subject);
    const names = new Map();
    (function walk(node) {
        const p = node.dispositionParameters || {};
        if (p.filename)
            names.set(p.filename, node.part);
        (node.childNodes || []).forEach(walk);
    })(bodyStructure);
    const client = await login();
    await client.mailboxOpen('INBOX');
    for (const [name, wanted] of [['bytes.bin', bytes],
        ['Grüße 東京.txt', Buffer.from('ä\n')],
        ['x.png', bytes.subarray(0, 100)]]) {
        assert.ok(names.has(name), `${name} of ${[...names.keys()]}`);
        const { content } = await client.download(uid, names.get(name),
            { uid: true });
        const pieces = [];
        for await (const piece of content)
            pieces.push(piece);
        const got = Buffer.concat(pieces);
        assert.ok(name.endsWith('.txt') ? got.toString().replace(/\r\n/g, '\n')
            === wanted.toString() : got.equals(wanted), name);
    }
    await client.logout();
}

// 8-bit octets as they are: not nodemailer's encoding, but ours to keep.
async function raw() {
    const subject = `${env.WORD} raw`;
    const body = `Subject: ${subject}\r\nFrom: <${env.USER1}>\r\n` +
        'MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n' +
        'Content-Transfer-Encoding: 8bit\r\n\r\nGrüße, 東京\r\n.\r\n';
    await nodemailer.createTransport(implicit).sendMail({ raw: body,
        envelope: { from: env.USER1, to: [env.READER],
            use8BitMime: true, size: Buffer.byteLength(body) } });
    const got = await once(subject);
    assert.ok(got.source.toString().endsWith(body.slice(body.indexOf('MIME'))),
        'other octets');
}

async function pools() {
    const pool = nodemailer.createTransport({ ...upgraded, pool: true,
        maxConnections: 3, maxMessages: 20 });
    const subject = `${env.WORD} pool`;
    const began = Date.now();
    const sent = await Promise.all(Array.from({ length: POOL }, () =>
        pool.sendMail(letter({ subject }))));
    pool.close();
    const ids = new Set(sent.map((s) => s.messageId));
    assert.equal(ids.size, POOL);
    let got = await arrived(subject);
    while (got.length < POOL && Date.now() - began < 30000)
        got = await arrived(subject);
    assert.deepEqual(new Set(got.map((m) => m.envelope.messageId)), ids);
    assert.equal(got.length, POOL, 'copies');
}

function refuses(options, mail, wanted) {
    return assert.rejects(nodemailer.createTransport(options).sendMail(mail),
        (error) => {
            for (const name of Object.keys(wanted))
                assert.equal(error[name], wanted[name], error.stack);
            return true;
        });
}

async function refusals() {
    // Another's address (RFC 6409 6.1), also of another domain.
    for (const from of [env.USER2, 'ann@elsewhere.example'])
        await refuses(implicit, letter({ from }), { code: 'EENVELOPE',
            command: 'MAIL FROM', responseCode: 550 });
    await refuses({ ...implicit, auth: { ...auth, pass: 'wrong' } }, letter(),
        { code: 'EAUTH', responseCode: 535 });
    await refuses({ ...implicit, auth: undefined }, letter(),
        { code: 'EENVELOPE', responseCode: 530 });
    // Without TLS no AUTH is offered, and nodemailer does without.
    await refuses({ ...upgraded, requireTLS: false, ignoreTLS: true },
        letter(), { code: 'EENVELOPE', responseCode: 530 });
    await refuses({ ...implicit, tls: { servername: env.TLS_NAME } }, letter(),
        { code: 'ESOCKET' });
    await refuses(implicit, letter({ to: 'nobody@example.org' }),
        { code: 'EENVELOPE', command: 'RCPT TO', responseCode: 550 });
    // It does not send what SIZE does not allow (RFC 1870 6.1).
    await refuses(implicit, letter({ envelope: { from: env.USER1,
        to: env.READER, size: 1e12 } }), { code: 'EMESSAGE',
        command: 'MAIL FROM' });

    const mail = letter({ to: [env.READER, 'nobody@example.org'] });
    const sent = await nodemailer.createTransport(implicit).sendMail(mail);
    assert.deepEqual([sent.accepted, sent.rejected],
        [[env.READER], ['nobody@example.org']]);
    await once(mail.subject);
}

run([submits, attaches, raw, pools, refusals]);
