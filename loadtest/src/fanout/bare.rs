//! The floor: a process that holds sockets and sends one ready frame to each, and nothing else.

use super::swarm::KEY;
use crate::Error;
use clap::Args;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// The answer to [`KEY`], from RFC 6455.
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// What every scripted server is told.
#[derive(Debug, Clone, Copy, Args)]
pub struct ScriptArgs {
    /// Where to listen, on 127.0.0.1.
    #[arg(long)]
    pub port: u16,
    /// Ticks per second; 0 for none.
    #[arg(long)]
    pub hz: u32,
    /// Ticks begin when so many sockets are there …
    #[arg(long)]
    pub sockets: usize,
    /// … and so many milliseconds have passed.
    #[arg(long)]
    pub delay_ms: u64,
    /// Payload of a frame.
    #[arg(long)]
    pub bytes: usize,
}

/// A frame of the length that was asked for, in the shape of a delta.
fn frame(seq: u64, bytes: usize) -> Vec<u8> {
    let mut text = format!(r#"{{"t":"delta","seq":{seq},"set":""#).into_bytes();
    text.resize(bytes.max(text.len() + 2) - 2, b'x');
    text.extend(br#""}"#);
    let mut frame = vec![0x81];
    match u8::try_from(text.len()) {
        Ok(short) if short < 126 => frame.push(short),
        _ => {
            frame.push(126);
            frame.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    frame.extend(text);
    frame
}

fn accept(listener: &TcpListener) -> std::io::Result<TcpStream> {
    let (mut stream, _) = listener.accept()?;
    let (mut request, mut some) = (Vec::new(), [0; 1024]);
    while !request.ends_with(b"\r\n\r\n") {
        let read = stream.read(&mut some)?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        request.extend(some.get(..read).unwrap_or_default());
    }
    debug_assert!(String::from_utf8_lossy(&request).contains(KEY));
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes())?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// Serves until the process is ended.
///
/// # Errors
/// [`Error::Io`].
pub fn serve(args: &ScriptArgs) -> Result<(), Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port));
    let listener = listener.map_err(Error::io("listen"))?;
    let mut sockets = Vec::with_capacity(args.sockets);
    while sockets.len() < args.sockets {
        // Who only knocks to see whether somebody is there is no socket.
        sockets.extend(accept(&listener).ok());
    }
    std::thread::sleep(Duration::from_millis(args.delay_ms));
    let Some(tick) = Duration::from_secs(1).checked_div(args.hz) else {
        loop {
            std::thread::park();
        }
    };
    let mut due = Instant::now();
    for seq in 1.. {
        let ready = frame(seq, args.bytes);
        sockets.retain_mut(|socket| match socket.write(&ready) {
            Ok(_) => true,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        });
        due = (due + tick).max(Instant::now());
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::frame;

    #[test]
    fn frames_have_the_length_that_was_asked_for() {
        for (bytes, head) in [(107, 2), (310, 4)] {
            assert_eq!(frame(12, bytes).len(), head + bytes);
        }
    }
}
