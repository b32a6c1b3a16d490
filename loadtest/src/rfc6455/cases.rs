//! The table, after the groups of the Autobahn test suite.

use super::{Case, Expect};
use Expect::{Closed, Open, Protocol, TooLong, Utf8};

/// A frame of a client: the first byte as it is, a mask that changes every byte.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut bytes = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short), _) if short < 126 => bytes.push(0x80 | short),
        (_, Ok(middle)) => {
            bytes.push(0x80 | 126);
            bytes.extend(middle.to_be_bytes());
        }
        (_, Err(_)) => {
            bytes.push(0x80 | 127);
            bytes.extend(crate::num::count(payload.len()).to_be_bytes());
        }
    }
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// A head with a length in eight bytes, whatever the payload is.
fn long_head(first: u8, length: u64) -> Vec<u8> {
    [&[first, 0xff][..], &length.to_be_bytes(), &[0; 4]].concat()
}

const FIN: u8 = 0x80;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const MORE: u8 = 0;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(FIN | CLOSE, &[&code.to_be_bytes()[..], reason].concat())
}

/// A message, its parts in frames of their own; between them, whatever is put there.
fn parts(opcode: u8, parts: &[&[u8]], between: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (n, part) in parts.iter().enumerate() {
        let last = if n + 1 == parts.len() { FIN } else { 0 };
        bytes.extend(frame(last | if n == 0 { opcode } else { MORE }, part));
        if n + 1 < parts.len() {
            bytes.extend(between);
        }
    }
    bytes
}

fn case(name: &'static str, bytes: Vec<u8>, expect: Expect) -> Case {
    Case { name, bytes, pongs: Vec::new(), echo: None, at_once: true, expect }
}

fn message(name: &'static str, opcode: u8, payload: &[u8]) -> Case {
    let echo = Some((opcode, payload.to_vec()));
    Case { echo, ..case(name, frame(FIN | opcode, payload), Open) }
}

fn bytewise(of: Case) -> Case {
    Case { at_once: false, ..of }
}

fn ponged(of: Case, pongs: &[&[u8]]) -> Case {
    Case { pongs: pongs.iter().map(|pong| pong.to_vec()).collect(), ..of }
}

/// Every case.
#[must_use]
pub fn cases() -> Vec<Case> {
    let mut all = framing();
    all.extend(pings());
    all.extend(reserved());
    all.extend(fragments());
    all.extend(texts());
    all.extend(closes());
    all.extend(limits());
    all
}

/// 1: framing.
fn framing() -> Vec<Case> {
    let x = |length: usize| vec![b'*'; length];
    vec![
        message("1.1 text of 0 bytes", TEXT, b""),
        message("1.1 text of 125 bytes", TEXT, &x(125)),
        message("1.1 text of 126 bytes", TEXT, &x(126)),
        message("1.1 text of 127 bytes", TEXT, &x(127)),
        message("1.1 text of 4096 bytes", TEXT, &x(4096)),
        bytewise(message("1.1 text of 126 bytes, byte by byte", TEXT, &x(126))),
        message("1.2 binary of 0 bytes", BINARY, b""),
        message("1.2 binary of 125 bytes", BINARY, &x(125)),
        message("1.2 binary of 126 bytes", BINARY, &x(126)),
        message("1.2 binary of 4096 bytes", BINARY, &x(4096)),
        bytewise(message("1.2 binary of 126 bytes, byte by byte", BINARY, &[0xfe; 126])),
    ]
}

/// 2: pings and pongs.
fn pings() -> Vec<Case> {
    let binary = [0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff];
    let eight: Vec<Vec<u8>> = (0..8_u8).map(|n| vec![b'0' + n]).collect();
    let many = eight.iter().flat_map(|payload| frame(FIN | PING, payload)).collect();
    let order: Vec<&[u8]> = eight.iter().map(Vec::as_slice).collect();
    let ping =
        |name, payload: &[u8]| ponged(case(name, frame(FIN | PING, payload), Open), &[payload]);
    let pong_then_ping = [frame(FIN | PONG, b"nobody asked"), frame(FIN | PING, b"x")].concat();
    vec![
        ping("2.1 ping without payload", b""),
        ping("2.2 ping with a text", b"Hello, world!"),
        ping("2.3 ping with binary", &binary),
        ping("2.4 ping of 125 bytes", &[0xfe; 125]),
        case("2.5 ping of 126 bytes", frame(FIN | PING, &[0xfe; 126]), Protocol),
        bytewise(ping("2.6 ping of 125 bytes, byte by byte", &[0xfe; 125])),
        case("2.7 pong without payload, not asked for", frame(FIN | PONG, b""), Open),
        case("2.8 pong with payload, not asked for", frame(FIN | PONG, b"nobody asked"), Open),
        ponged(case("2.9 pong, then ping", pong_then_ping, Open), &[b"x"]),
        ponged(case("2.10 eight pings at once", many, Open), &order),
    ]
}

/// 3: reserved bits. 4: opcodes.
fn reserved() -> Vec<Case> {
    let bits = |bits: u8, opcode: u8| frame(FIN | bits << 4 | opcode, b"x");
    let after_text = [frame(FIN | TEXT, b"Hello"), bits(2, TEXT)].concat();
    vec![
        case("3.1 reserved bit 3", bits(1, TEXT), Protocol),
        case("3.2 reserved bit 2, after a good text", after_text, Protocol),
        case("3.3 reserved bits 2 and 3", bits(3, TEXT), Protocol),
        bytewise(case("3.4 reserved bit 1 (compressed), byte by byte", bits(4, TEXT), Protocol)),
        case("3.5 reserved bits 1 and 3, binary", bits(5, BINARY), Protocol),
        case("3.6 reserved bits 1 and 2, ping", bits(6, PING), Protocol),
        case("3.7 all reserved bits, close", bits(7, CLOSE), Protocol),
        case("4.1 opcode 3", frame(FIN | 3, b""), Protocol),
        case("4.1 opcode 4 with payload", frame(FIN | 4, b"x"), Protocol),
        case("4.1 opcode 5", frame(FIN | 5, b""), Protocol),
        case("4.1 opcode 6", frame(FIN | 6, b""), Protocol),
        case("4.1 opcode 7", frame(FIN | 7, b""), Protocol),
        case("4.2 opcode 11", frame(FIN | 11, b""), Protocol),
        case("4.2 opcode 12 with payload", frame(FIN | 12, b"x"), Protocol),
        case("4.2 opcode 13", frame(FIN | 13, b""), Protocol),
        case("4.2 opcode 14", frame(FIN | 14, b""), Protocol),
        case("4.2 opcode 15", frame(FIN | 15, b""), Protocol),
        case("5.1 of RFC 6455: not masked", vec![FIN | TEXT, 1, b'x'], Protocol),
    ]
}

/// 5: fragmentation.
fn fragments() -> Vec<Case> {
    let echo =
        |of: Case, opcode, payload: &[u8]| Case { echo: Some((opcode, payload.to_vec())), ..of };
    let two: [&[u8]; 2] = [b"fragment1", b"fragment2"];
    let (whole, ping) = (two.concat(), frame(FIN | PING, b"between"));
    let text =
        |name, between: &[u8]| echo(case(name, parts(TEXT, &two, between), Open), TEXT, &whole);
    let new_inside = parts(TEXT, &two, &frame(FIN | TEXT, b"x"));
    let second_first = [frame(TEXT, b"a"), frame(TEXT, b"b")].concat();
    let after_end = [parts(TEXT, &two, b""), frame(FIN | MORE, b"x")].concat();
    let nothing: [&[u8]; 3] = [b"", b"", b""];
    let close_inside = [frame(TEXT, b"a"), close(1000, b"")].concat();
    vec![
        case(
            "5.1 ping in two parts",
            [frame(PING, b"a"), frame(FIN | MORE, b"b")].concat(),
            Protocol,
        ),
        case(
            "5.2 pong in two parts",
            [frame(PONG, b"a"), frame(FIN | MORE, b"b")].concat(),
            Protocol,
        ),
        text("5.3 text in two parts", b""),
        bytewise(text("5.5 text in two parts, byte by byte", b"")),
        ponged(text("5.6 a ping between parts", &ping), &[b"between"]),
        bytewise(ponged(text("5.8 a ping between parts, byte by byte", &ping), &[b"between"])),
        case("5.9 a last part of nothing", frame(FIN | MORE, b"x"), Protocol),
        case("5.12 a part of nothing", frame(MORE, b"x"), Protocol),
        case("5.15 a part after the last", after_end, Protocol),
        case("5.18 a new first part inside a message", second_first, Protocol),
        case("5.18 a whole text inside a message", new_inside, Protocol),
        echo(case("6.1 three parts without a byte", parts(TEXT, &nothing, b""), Open), TEXT, b""),
        echo(case("5.3 binary in two parts", parts(BINARY, &two, b""), Open), BINARY, &whole),
        case("5.4 of RFC 6455: a close between parts", close_inside, Closed(1000)),
    ]
}

/// 6: UTF-8.
fn texts() -> Vec<Case> {
    let kosme = "κόσμε".as_bytes();
    let face = "\u{1f600}".as_bytes();
    let split = |name, text: &'static [u8], at: usize| {
        let (a, b) = text.split_at_checked(at).unwrap_or_default();
        let bytes = parts(TEXT, &[a, b], b"");
        Case { echo: Some((TEXT, text.to_vec())), ..case(name, bytes, Open) }
    };
    let bad = |name, payload: &[u8]| case(name, frame(FIN | TEXT, payload), Utf8);
    vec![
        message("6.2 text with two-byte letters", TEXT, kosme),
        bytewise(message("6.2 the same, byte by byte", TEXT, kosme)),
        split("6.2 a code point over two parts", kosme, 1),
        split("6.2 a code point of four bytes over two parts", face, 3),
        bad("6.3 a surrogate inside a text", &[0xce, 0xba, 0xed, 0xa0, 0x80, 0x65]),
        case("6.3 the same in two parts", parts(TEXT, &[&[0xed, 0xa0], &[0x80]], b""), Utf8),
        message("6.5 the last code point", TEXT, "\u{10ffff}".as_bytes()),
        bad("6.6 a code point that is cut off", &[0xce]),
        bad("6.8 a first byte of five", &[0xf8, 0x88, 0x80, 0x80, 0x80]),
        bad("6.10 beyond the last code point", &[0xf4, 0x90, 0x80, 0x80]),
        message("6.11 no character (U+FFFF)", TEXT, "\u{ffff}".as_bytes()),
        bad("6.12 a continuation alone", &[0x80]),
        bad("6.14 a first byte before a space", &[0xc3, b' ']),
        bad("6.18 overlong slash", &[0xc0, 0xaf]),
        bad("6.21 byte 0xfe", &[0xfe]),
        bad("6.21 byte 0xff", &[0xff]),
        message("binary may be anything", BINARY, &[0xff, 0xfe, 0xc0]),
    ]
}

/// 7: closing.
fn closes() -> Vec<Case> {
    let mut all = vec![
        case("7.3.1 close without a code", frame(FIN | CLOSE, b""), Closed(1005)),
        case("7.3.2 close with half a code", frame(FIN | CLOSE, &[3]), Protocol),
        case("7.3.4 close with a reason", close(1000, b"Hello World!"), Closed(1000)),
        case("7.3.5 close with the longest reason", close(1000, &[b'*'; 123]), Closed(1000)),
        case("7.3.6 close of 126 bytes", close(1000, &[b'*'; 124]), Protocol),
        case("7.5.1 close with a reason that is not UTF-8", close(1000, &[0xce]), Utf8),
        case("5.5.1 of RFC 6455: close in parts", frame(CLOSE, &[3, 0xe8]), Protocol),
    ];
    let after = [close(1000, b""), frame(FIN | PING, b"late")].concat();
    all.push(case("7.1.4 a ping after the close", after, Closed(1000)));
    for (name, code) in [
        ("7.7 close 1000", 1000),
        ("7.7 close 1001", 1001),
        ("7.7 close 1002", 1002),
        ("7.7 close 1003", 1003),
        ("7.7 close 1007", 1007),
        ("7.7 close 1008", 1008),
        ("7.7 close 1009", 1009),
        ("7.7 close 1010", 1010),
        ("7.7 close 1011", 1011),
        ("7.7 close 3000", 3000),
        ("7.7 close 3999", 3999),
        ("7.7 close 4000", 4000),
        ("7.7 close 4999", 4999),
    ] {
        all.push(case(name, close(code, b""), Closed(code)));
    }
    for (name, code) in [
        ("7.9 close 0", 0),
        ("7.9 close 999", 999),
        ("7.9 close 1004", 1004),
        ("7.9 close 1005", 1005),
        ("7.9 close 1006", 1006),
        ("7.9 close 1015", 1015),
        ("7.9 close 1016", 1016),
        ("7.9 close 1100", 1100),
        ("7.9 close 2000", 2000),
        ("7.9 close 2999", 2999),
        ("7.13 close 5000", 5000),
        ("7.13 close 65535", 65_535),
    ] {
        all.push(case(name, close(code, b""), Protocol));
    }
    all
}

/// 9: limits; both servers take messages of 4,096 bytes.
fn limits() -> Vec<Case> {
    let half = [b'x'; 3000];
    let not_a_length = long_head(FIN | BINARY, 1 << 63);
    let huge = [long_head(FIN | BINARY, 1 << 40), vec![0; 5000]].concat();
    vec![
        case("9 text of 4097 bytes", frame(FIN | TEXT, &[b'x'; 4097]), TooLong),
        case("9 binary of 70000 bytes", frame(FIN | BINARY, &[0; 70_000]), TooLong),
        case("9 two parts that are too long together", parts(TEXT, &[&half, &half], b""), TooLong),
        case("9 a frame of a terabyte that begins", huge, TooLong),
        case("5.2 of RFC 6455: a length with its highest bit", not_a_length, Expect::Either),
    ]
}
