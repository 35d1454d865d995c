// imapflow lists, appends, fetches, searches, flags, moves and deletes; it
// hears by IDLE what another session does, and by QRESYNC what it missed.
'use strict';

const assert = require('node:assert/strict');
const { env, tls, login, heard, run } = require('./suite');

const FOLDER = 'Grüße/東京';
const PICTURE = Buffer.from(Array.from({ length: 3000 }, (_, i) => i % 251));

// The same message is asked for in many ways.
const LETTER = Buffer.from([
    'From: =?utf-8?Q?J=C3=BCrgen?= <juergen@example.com>',
    `To: "Reader, the" <${env.READER}>, two@example.com`,
    'Cc: Group: a@example.com, b@example.com;',
    `Subject: ${env.WORD} =?utf-8?B?5p2x5Lqs?=`,
    'Date: Tue, 02 Jan 2024 03:04:05 +0100',
    `Message-ID: <${env.WORD}@e2e>`,
    'In-Reply-To: <before@e2e>',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary="b1"',
    '', '--b1',
    'Content-Type: multipart/alternative; boundary=b2',
    '', '--b2',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '', 'Grüße aus 東京.', '',
    '--b2',
    'Content-Type: text/html; charset=iso-8859-1',
    'Content-Transfer-Encoding: quoted-printable',
    '', '<p>Gr=FC=DFe</p>', '',
    '--b2--', '',
    '--b1',
    'Content-Type: image/png; name="p.png"',
    'Content-Disposition: attachment; filename="p.png"',
    'Content-Transfer-Encoding: base64',
    '', ...PICTURE.toString('base64').match(/.{1,76}/g),
    '--b1--', '',
].join('\r\n'));

function small(name) {
    return Buffer.from(`From: <a@example.com>\r\nSubject: ${env.WORD} ${name}` +
        `\r\n\r\nHello, ${name}.\r\n`);
}

const refused = (code) => (error) =>
    error.serverResponseCode === code || assert.fail(error);

let client;

async function begins() {
    await assert.rejects(login({ tls: { servername: env.TLS_NAME } }),
        { code: /UNABLE_TO_VERIFY|SELF_SIGNED/ }, 'an unknown authority');
    await assert.rejects(login({ auth: { user: env.READER, pass: 'wrong' } }),
        refused('AUTHENTICATIONFAILED'));
    const plain = await login({ secure: false, port: env.IMAP_PORT });
    assert.ok(plain.secureConnection, 'STARTTLS');
    await plain.logout();
    client = await login({ qresync: true });
    assert.ok(client.enabled.has('QRESYNC'));
    assert.equal(client.namespace.delimiter, '/');
}

async function lists() {
    const found = await client.list({ statusQuery: { messages: true } });
    const uses = new Map(found.map((box) => [box.path, box.specialUse]));
    assert.equal(uses.get('INBOX'), '\\Inbox');
    for (const use of ['Archive', 'Drafts', 'Junk', 'Sent', 'Trash'])
        assert.equal(uses.get(use), '\\' + use);
    for (const box of found)
        assert.equal(typeof box.status.messages, 'number', box.path);
}

async function makes() {
    for (const box of await client.list())      // of a run that broke off
        if (box.path.startsWith('Grüße'))
            await client.mailboxDelete(box.path);
    const made = await client.mailboxCreate(FOLDER);
    assert.deepEqual([made.path, made.created], [FOLDER, true]);
    assert.equal((await client.mailboxCreate(FOLDER)).created, false);
    await client.mailboxCreate('Grüße/old');
    await client.mailboxRename('Grüße/old', 'Grüße/new');
    assert.ok(await client.mailboxSubscribe(FOLDER));
    const boxes = new Map((await client.list()).map((b) => [b.path, b]));
    assert.ok(boxes.get(FOLDER).subscribed);
    assert.ok(boxes.has('Grüße/new') && !boxes.has('Grüße/old'));
    await client.mailboxDelete('Grüße/new');
    await assert.rejects(client.mailboxOpen('Grüße/new'), refused('NONEXISTENT'));
}

let uid;

async function appends() {
    const when = new Date('2023-11-05T11:12:13Z');
    const box = await client.mailboxOpen(FOLDER);
    assert.equal(box.exists, 0);
    const put = await client.append(FOLDER, LETTER, ['\\Seen', '$Forwarded'],
        when);
    assert.equal(put.uidValidity, box.uidValidity);
    assert.equal(put.seq, 1);
    uid = put.uid;
    const got = await client.fetchOne(uid, { internalDate: true, flags: true,
        size: true, source: true }, { uid: true });
    assert.equal(+got.internalDate, +when);
    assert.deepEqual([...got.flags].filter((f) => f !== '\\Recent').sort(),
        ['$Forwarded', '\\Seen']);
    assert.equal(got.size, LETTER.length);
    assert.ok(got.source.equals(LETTER), 'other octets');
    const long = Buffer.concat([small('long'),
        Buffer.alloc(2 << 20, 'All work and no play.\r\n')]);
    const more = await client.append(FOLDER, long);
    const back = await client.fetchOne(more.uid, { source: true },
        { uid: true });
    assert.ok(back.source.equals(long), 'other octets of the long one');
    assert.equal(await client.append('Grüße/nowhere', LETTER).catch(
        (e) => e.serverResponseCode), 'TRYCREATE');
    await client.messageDelete(more.uid, { uid: true });
}

async function fetches() {
    const got = await client.fetchOne('1', { uid: true, envelope: true,
        bodyStructure: true, headers: ['subject', 'to'],
        bodyParts: ['1.1', '2.mime'] });
    const e = got.envelope;
    assert.equal(e.subject, `${env.WORD} 東京`);
    assert.equal(+e.date, +new Date('2024-01-02T02:04:05Z'));
    assert.deepEqual(e.from, [{ name: 'Jürgen',
        address: 'juergen@example.com' }]);
    assert.equal(e.to[0].name, 'Reader, the');
    // A group begins as an address without a host (RFC 9051 7.5.2).
    assert.deepEqual(e.cc.slice(1).map((a) => a.address),
        ['a@example.com', 'b@example.com']);
    assert.deepEqual([e.messageId, e.inReplyTo],
        [`<${env.WORD}@e2e>`, '<before@e2e>']);
    const parts = [];
    (function walk(node) {
        parts.push(`${node.part || ''} ${node.type}`);
        (node.childNodes || []).forEach(walk);
    })(got.bodyStructure);
    assert.deepEqual(parts, [' multipart/mixed', '1 multipart/alternative',
        '1.1 text/plain', '1.2 text/html', '2 image/png']);
    assert.equal(got.bodyStructure.childNodes[1].dispositionParameters.filename,
        'p.png');
    assert.equal(got.bodyParts.get('1.1').toString(), 'Grüße aus 東京.\r\n');
    assert.match(got.bodyParts.get('2.mime').toString(), /^Content-Type: im/);
    assert.match(got.headers.toString(), /^subject: /im);
    assert.doesNotMatch(got.headers.toString(), /^from: /im);

    // By pieces, and decoded.
    const { meta, content } = await client.download('1', '2',
        { chunkSize: 700 });
    const pieces = [];
    for await (const piece of content)
        pieces.push(piece);
    assert.equal(meta.filename, 'p.png');
    assert.ok(Buffer.concat(pieces).equals(PICTURE), 'the picture');
    const html = await client.download('1', '1.2');
    let text = '';
    for await (const piece of html.content)
        text += piece;
    assert.match(text, /<p>Grüße<\/p>/);
    assert.ok(!await client.fetchOne(uid + 7, { flags: true }, { uid: true }));
    await assert.rejects(client.fetchOne('7', { uid: true }),
        { responseStatus: 'BAD' });     // RFC 9051 9, seq-number
}

async function flags() {
    const now = async () => {
        const m = await client.fetchOne(uid, { flags: true }, { uid: true });
        return [...m.flags].filter((f) => f !== '\\Recent').sort();
    };
    await client.messageFlagsSet(uid, ['\\Flagged'], { uid: true });
    assert.deepEqual(await now(), ['\\Flagged']);
    await client.messageFlagsAdd(uid, ['\\Answered', 'Work'], { uid: true });
    const { modseq } = await client.fetchOne(uid, { flags: true },
        { uid: true });
    await client.messageFlagsRemove(uid, ['\\Flagged'], { uid: true });
    assert.deepEqual(await now(), ['Work', '\\Answered']);
    // Somebody, who is us, was faster (RFC 7162 3.1.3).
    await client.messageFlagsAdd(uid, ['\\Deleted'],
        { uid: true, unchangedSince: modseq });
    assert.deepEqual(await now(), ['Work', '\\Answered']);
    const changed = await client.fetchAll('1:*', { uid: true, flags: true },
        { changedSince: modseq });
    assert.deepEqual(changed.map((m) => m.uid), [uid]);
    assert.ok(changed[0].modseq > modseq);
}

async function searches() {
    const other = (await client.append(FOLDER, small('other'), ['\\Seen'],
        new Date('2020-02-03T12:00:00Z'))).uid;
    const find = (what) => client.search(what, { uid: true });
    for (const [what, wanted] of [
        [{ all: true }, [uid, other]],
        [{ subject: '東京' }, [uid]],
        [{ subject: 'OTHER' }, [other]],
        [{ body: 'grüße' }, [uid]],
        [{ body: 'GRÜSSE nowhere' }, []],
        [{ header: { 'Message-ID': env.WORD } }, [uid]],
        [{ header: { 'In-Reply-To': true } }, [uid]],
        [{ from: 'juergen', answered: true }, [uid]],
        [{ cc: 'b@example.com' }, [uid]],
        [{ keyword: 'Work' }, [uid]],
        [{ unKeyword: 'Work' }, [other]],
        [{ seen: true }, [other]],
        [{ seen: false }, [uid]],
        [{ larger: 1000 }, [uid]],
        [{ smaller: 1000 }, [other]],
        [{ before: '2021-01-01' }, [other]],
        [{ since: new Date('2023-01-01') }, [uid]],
        [{ sentOn: '2024-01-02' }, [uid]],
        [{ or: [{ subject: 'other' }, { answered: true }] }, [uid, other]],
        [{ not: { subject: 'other' } }, [uid]],
        [{ uid: `${other}:*` }, [other]],
        [{ seq: '1' }, [uid]],
    ])
        assert.deepEqual(await find(what), wanted, JSON.stringify(what));
    assert.deepEqual(await client.search({ subject: 'other' }), [2]);
    const { modseq } = await client.fetchOne(other, { flags: true },
        { uid: true });
    assert.deepEqual(await find({ modseq }), [other]);
    await client.messageDelete({ subject: 'other' });
    assert.deepEqual(await find({ all: true }), [uid]);
}

async function moves() {
    const copied = await client.messageCopy(uid, 'Archive', { uid: true });
    assert.ok(copied.uidMap.get(uid) > 0);
    const gone = heard(client, 'expunge', (e) => e.uid === uid);
    const moved = await client.messageMove(uid, 'Archive', { uid: true });
    assert.ok(moved.uidMap.get(uid) > copied.uidMap.get(uid));
    await gone;
    assert.deepEqual(await client.search({ all: true }, { uid: true }), []);
    const lock = await client.getMailboxLock('Archive');
    try {
        const uids = await client.search({ header: { Subject: env.WORD } },
            { uid: true });
        assert.deepEqual(uids, [copied.uidMap.get(uid), moved.uidMap.get(uid)]);
        for await (const m of client.fetch(uids, { flags: true },
            { uid: true }))
            assert.ok(m.flags.has('Work') && m.flags.has('\\Answered'));
        await client.messageDelete(uids, { uid: true });
    } finally {
        lock.release();
    }
}

async function status() {
    await client.append(FOLDER, small('one'));
    await client.append(FOLDER, small('two'), ['\\Seen']);
    const s = await client.status(FOLDER, { messages: true, unseen: true,
        uidNext: true, uidValidity: true, highestModseq: true });
    assert.deepEqual([s.messages, s.unseen], [2, 1]);
    assert.ok(s.uidNext > uid && s.uidValidity > 0n && s.highestModseq > 0n);
}

// Another session waits, and hears of each change as it happens.
async function idles() {
    const other = await login();
    await other.mailboxOpen(FOLDER);
    const idle = other.idle();
    await client.mailboxOpen(FOLDER);
    const began = Date.now();
    let event = heard(other, 'exists');
    const { uid } = await client.append(FOLDER, small('three'));
    assert.equal((await event).count, 3);
    event = heard(other, 'flags');
    await client.messageFlagsAdd(uid, ['\\Flagged'], { uid: true });
    let e = await event;
    assert.deepEqual([e.seq, e.flags.has('\\Flagged')], [3, true]);
    event = heard(other, 'expunge');
    await client.messageDelete(1);
    assert.equal((await event).seq, 1);
    assert.equal(other.mailbox.exists, 2);
    const took = Date.now() - began;
    assert.ok(took < 10000, `three notices took ${took} ms`);
    await other.noop();                 // ends IDLE
    await idle;
    await other.logout();
}

// While it was away one message went, one changed and one came.
async function resynchronizes() {
    const { uidValidity, highestModseq } = await client.mailboxOpen(FOLDER);
    const uids = await client.search({ all: true }, { uid: true });
    assert.equal(uids.length, 2);
    await client.logout();

    const other = await login();
    await other.mailboxOpen(FOLDER);
    await other.messageDelete(uids[0], { uid: true });
    await other.messageFlagsAdd(uids[1], ['\\Answered'], { uid: true });
    const added = await other.append(FOLDER, small('four'));
    await other.logout();

    client = await login({ qresync: true });
    const gone = [], changed = new Map();
    client.on('expunge', (e) => gone.push([e.uid, e.vanished, e.earlier]));
    client.on('flags', (e) => changed.set(e.uid, e.flags));
    const box = await client.mailboxOpen(FOLDER, { uidValidity,
        changedSince: highestModseq });
    assert.ok(box.qresync && box.exists === 2);
    assert.deepEqual(gone, [[uids[0], true, true]]);
    assert.deepEqual([...changed.keys()], [uids[1], added.uid]);
    assert.ok(changed.get(uids[1]).has('\\Answered'));
}

async function ends() {
    await client.messageDelete('1:*');
    await client.mailboxClose();
    assert.equal((await client.status(FOLDER, { messages: true })).messages, 0);
    await client.mailboxDelete(FOLDER);
    await client.mailboxDelete('Grüße');
    const quota = await client.getQuota('INBOX');
    assert.ok(quota === false || quota.path === 'INBOX');
    await client.logout();
}

run([begins, lists, makes, appends, fetches, flags, searches, moves, status,
    idles, resynchronizes, ends]);
