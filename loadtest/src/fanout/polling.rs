//! Polling a board, beside nginx that serves the same bytes from a file.

use super::Wanted;
use super::delivery::ready;
use super::peer::{Kind, Peer, RACE, Script, Yard, pinned};
use super::report::Figure;
use crate::figures::{Line, Series};
use crate::num::{micros, per_second, ratio};
use crate::procfs::Meter;
use crate::{Client, Error, out};
use mio::{Events, Interest, Poll, Token};
use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

const TO_NGINX_MIN: f64 = 0.8;
const WARM_UP: Duration = Duration::from_millis(500);

/// A connection that asks the same again and again.
struct Asker {
    stream: mio::net::TcpStream,
    answer: Vec<u8>,
}

/// The length of the first answer, when it is whole.
fn whole(answer: &[u8]) -> Result<Option<usize>, Error> {
    let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(answer.get(..head).unwrap_or_default()).to_lowercase();
    if !text.starts_with("http/1.1 200") {
        return Err(Error::Malformed(text.lines().next().unwrap_or_default().to_owned()));
    }
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length = length.and_then(|length| length.trim().parse::<usize>().ok());
    let length = length.ok_or_else(|| Error::Malformed("no content-length".to_owned()))?;
    Ok((answer.len() >= head + 4 + length).then_some(head + 4 + length))
}

/// Asks over so many connections for so long; how many answers came.
fn ask(address: SocketAddr, path: &str, connections: usize, time: Duration) -> Result<u64, Error> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let mut poll = Poll::new().map_err(Error::io("make a poll"))?;
    let mut askers = Vec::with_capacity(connections);
    for n in 0..connections {
        let mut stream = std::net::TcpStream::connect(address).map_err(Error::io("connect"))?;
        stream.set_nodelay(true).map_err(Error::io("set up a socket"))?;
        stream.write_all(request.as_bytes()).map_err(Error::io("ask"))?;
        stream.set_nonblocking(true).map_err(Error::io("set up a socket"))?;
        let mut stream = mio::net::TcpStream::from_std(stream);
        poll.registry()
            .register(&mut stream, Token(n), Interest::READABLE)
            .map_err(Error::io("watch a socket"))?;
        askers.push(Asker { stream, answer: Vec::new() });
    }
    let (mut answers, begin) = (0, Instant::now());
    let (mut events, mut scratch) = (Events::with_capacity(256), vec![0; 64 * 1024]);
    while begin.elapsed() < time {
        match poll.poll(&mut events, Some(Duration::from_millis(100))) {
            Err(error) if error.kind() != ErrorKind::Interrupted => {
                return Err(Error::io("wait for answers")(error));
            }
            _ => {}
        }
        for event in &events {
            let Some(asker) = askers.get_mut(event.token().0) else { continue };
            loop {
                let read = match asker.stream.read(&mut scratch) {
                    Ok(0) => return Err(Error::Malformed("a connection was closed".to_owned())),
                    Ok(read) => read,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(Error::io("read an answer")(error)),
                };
                asker.answer.extend(scratch.get(..read).unwrap_or_default());
                if whole(&asker.answer)?.is_some() {
                    answers += 1;
                    asker.answer.clear();
                    asker.stream.write_all(request.as_bytes()).map_err(Error::io("ask"))?;
                }
            }
        }
    }
    Ok(answers)
}

async fn nginx(yard: &Yard<'_>, body: &[u8]) -> Result<Peer, Error> {
    let directory = yard.place("nginx")?;
    fs::write(directory.join("board.json"), body).map_err(Error::io("write a file"))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    let address = address.map_err(Error::io("find a free port"))?;
    let at = directory.display();
    let text = format!(
        "daemon off;\nmaster_process off;\nworker_processes 1;\npid {at}/pid;\n\
         error_log {at}/errors;\nevents {{ worker_connections 4096; }}\n\
         http {{\n  access_log off;\n  sendfile on;\n  tcp_nopush on;\n  open_file_cache max=10;\n\
         keepalive_requests 1000000000;\n  types {{ application/json json; }}\n\
         client_body_temp_path {at}/a;\n  proxy_temp_path {at}/b;\n  fastcgi_temp_path {at}/c;\n\
         uwsgi_temp_path {at}/d;\n  scgi_temp_path {at}/e;\n\
         server {{ listen {address}; root {at}; }}\n}}\n"
    );
    let conf = directory.join("nginx.conf");
    fs::write(&conf, text).map_err(Error::io("write a configuration"))?;
    let program: &Path = &yard.args.nginx;
    if !program.exists() {
        let text = format!("{} is not there: scripts/peers start nginx", program.display());
        return Err(Error::Usage(text));
    }
    let mut command = pinned(yard.core(), program);
    command.arg("-p").arg(&directory).arg("-c").arg(&conf);
    yard.run(Kind::Bare, command, address, directory).await
}

/// Requests per second and CPU per request of both, in turns.
pub(super) async fn polling(yard: &Yard<'_>) -> Result<Figure, Error> {
    let (args, connections) = (yard.args, yard.args.sockets(Wanted::Polling));
    let palio = yard.start(Kind::Palio, Script { hz: 1, sockets: 0 }).await?;
    ready(yard, &palio, 1).await?;
    let board = format!("/api/tournaments/{RACE}/leaderboard");
    let body = Client::anonymous(&palio.url())?.get(&board).await?.body;
    let nginx = nginx(yard, &body).await?;
    let mut figure = Figure {
        name: "polling".to_owned(),
        what: format!("{connections} connections, {} bytes of body", body.len()),
        ..Figure::default()
    };
    let mut tracks = [(Series::default(), Series::default()), <_>::default()];
    for round in 0..args.rounds() {
        let mut order = [(0, &palio, board.clone()), (1, &nginx, "/board.json".to_owned())];
        if round % 2 == 1 {
            order.reverse();
        }
        for (which, peer, path) in order {
            let (address, time) = (peer.address, args.slice(Wanted::Polling));
            let again = path.clone();
            let warm =
                tokio::task::spawn_blocking(move || ask(address, &again, connections, WARM_UP));
            warm.await.map_err(|error| Error::Malformed(error.to_string()))??;
            let meter = Meter::start(&peer.pid.to_string());
            let asked = tokio::task::spawn_blocking(move || ask(address, &path, connections, time));
            let answers = asked.await.map_err(|error| Error::Malformed(error.to_string()))??;
            let cpu = ratio(micros(meter.cpu().unwrap_or_default()), answers);
            let name = if which == 0 { "palio" } else { "nginx" };
            let rate = per_second(answers, time);
            out::progress(format!("round {round}  {name:<8}{rate:>9.0}/s{cpu:>8.2} µs CPU"));
            if let Some((rates, cpus)) = tracks.get_mut(which) {
                rates.push(rate);
                cpus.push(cpu);
            }
        }
    }
    palio.stop().await;
    nginx.stop().await;
    let [(palio_rate, palio_cpu), (nginx_rate, nginx_cpu)] = &tracks;
    figure.lines = vec![
        Line::plain("palio: requests per second", palio_rate.summary()),
        Line::plain("nginx: requests per second", nginx_rate.summary()),
        Line::at_least("palio ÷ nginx", palio_rate.per(nginx_rate).summary(), TO_NGINX_MIN),
        Line::plain("palio: CPU µs per request", palio_cpu.summary()),
        Line::plain("nginx: CPU µs per request", nginx_cpu.summary()),
        Line::at_least("CPU of nginx ÷ of palio", nginx_cpu.per(palio_cpu).summary(), TO_NGINX_MIN),
    ];
    Ok(figure)
}
