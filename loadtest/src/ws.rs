//! Opens a live board's socket with small buffers, so that thousands fit.

use crate::Error;
use crate::http::Base;
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite;
use tungstenite::client::IntoClientRequest as _;
use tungstenite::http::{HeaderName, HeaderValue};
use tungstenite::protocol::WebSocketConfig;

/// The subprotocol that this tool speaks.
pub(crate) const SUBPROTOCOL: &str = "palio.v1.json";
const BUFFER: usize = 2 * 1024;
const FRAME_MAX: usize = 4 * 1024 * 1024;

/// A socket that follows a board.
pub(crate) type Socket = WebSocketStream<TcpStream>;

/// Where to connect, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) base: &'a Base,
    pub(crate) tournament: &'a str,
    pub(crate) cursor: Option<(&'a str, u64)>,
    /// Size of the kernel's receive buffer, to make a reader that stalls soon.
    pub(crate) receive_buffer: Option<u32>,
}

/// Connects and shakes hands.
pub(crate) async fn open(target: Target<'_>) -> Result<Socket, Error> {
    let Target { base, tournament, cursor, receive_buffer } = target;
    let query = cursor.map_or(String::new(), |(epoch, seq)| format!("?epoch={epoch}&seq={seq}"));
    let url = format!("ws://{}/ws/tournaments/{tournament}{query}", base.host());
    let mut request = url.into_client_request()?;
    request.headers_mut().insert(
        HeaderName::from_static("sec-websocket-protocol"),
        HeaderValue::from_static(SUBPROTOCOL),
    );
    let stream = connect(base.address(), receive_buffer).await.map_err(Error::io("connect"))?;
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(FRAME_MAX))
        .max_frame_size(Some(FRAME_MAX));
    let (socket, _) =
        tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await?;
    Ok(socket)
}

async fn connect(address: &str, receive_buffer: Option<u32>) -> std::io::Result<TcpStream> {
    let stream = match receive_buffer {
        None => TcpStream::connect(address).await?,
        Some(bytes) => {
            let mut found = tokio::net::lookup_host(address).await?;
            let to = found.next().ok_or(std::io::ErrorKind::NotFound)?;
            let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            socket.set_recv_buffer_size(bytes)?;
            socket.connect(to).await?
        }
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}
