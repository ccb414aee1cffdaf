//! HTTP/2 below gRPC: what well-behaved clients never send.

use std::net::SocketAddr;

use bytes::{BufMut as _, Bytes, BytesMut};
use h2::client::SendRequest;
use http::{HeaderMap, Request};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::within;

/// A connection whose requests are made by hand.
pub(crate) struct Http2 {
    pub(crate) sender: SendRequest<Bytes>,
    pub(crate) pings: h2::PingPong,
    /// Ends with the connection.
    pub(crate) ended: JoinHandle<()>,
}

impl Http2 {
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        let tcp = within("connecting", TcpStream::connect(addr)).await.unwrap();
        let (sender, mut connection) = within("handshake", h2::client::handshake(tcp)).await.unwrap();
        let pings = connection.ping_pong().unwrap();
        let ended = tokio::spawn(async move {
            let _ = connection.await;
        });
        Self { sender, pings, ended }
    }

    /// Posts a body as it is and gives back the status headers, wherever they stood.
    pub(crate) async fn post(&self, path: &str, body: Vec<u8>) -> HeaderMap {
        let mut sender = within("ready", self.sender.clone().ready()).await.unwrap();
        let (response, mut stream) = sender.send_request(request(path), false).unwrap();
        stream.send_data(body.into(), true).unwrap();
        let response = within("the answer", response).await.unwrap();
        if response.headers().contains_key("grpc-status") {
            return response.headers().clone();
        }
        let mut body = response.into_body();
        while let Some(data) = within("the answer's body", body.data()).await {
            let len = data.unwrap().len();
            body.flow_control().release_capacity(len).unwrap();
        }
        within("trailers", body.trailers()).await.unwrap().unwrap()
    }

    /// Begins a request whose body never comes.
    pub(crate) async fn open(&self, path: &str) -> (h2::client::ResponseFuture, h2::SendStream<Bytes>) {
        let mut sender = within("ready", self.sender.clone().ready()).await.unwrap();
        sender.send_request(request(path), false).unwrap()
    }
}

fn request(path: &str) -> Request<()> {
    Request::post(format!("http://localhost{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .unwrap()
}

/// A message with its gRPC prefix.
pub(crate) fn grpc_frame(flag: u8, message: &[u8]) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    bytes.put_u8(flag);
    bytes.put_u32(u32::try_from(message.len()).unwrap());
    bytes.extend_from_slice(message);
    bytes.to_vec()
}

/// An HTTP/2 frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    bytes.put_uint(payload.len() as u64, 3);
    bytes.put_u8(kind);
    bytes.put_u8(flags);
    bytes.put_u32(stream);
    bytes.extend_from_slice(payload);
    bytes.to_vec()
}

/// A HEADERS frame that promises more: END_HEADERS is not set.
pub(crate) fn headers_frame(stream: u32) -> Vec<u8> {
    // `:method POST` of the static table.
    frame(1, 0, stream, &[0x83])
}
