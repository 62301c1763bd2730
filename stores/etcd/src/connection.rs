//! One connection to a server, with one request under way at a time.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::timeout;

use crate::OpenError;
use crate::address::Server;
use crate::failure::Failure;
use crate::tls::Connector;
use crate::whole::Whole;
use crate::wire::Refusal;

/// How many bytes a refusal has at most; what is more is none.
const REFUSAL_BYTES_MAX: usize = 64 << 10;

/// What bytes go through.
trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// One connection.
pub(crate) struct Connection {
    sender: SendRequest<Whole>,
    /// Reads and writes the socket; ended with the connection.
    io: JoinHandle<()>,
    host: HeaderValue,
    /// An answer is not read to its end, so another one cannot follow.
    is_spoilt: bool,
    /// Whether its server was seen to be of the cluster of the store.
    pub is_own: bool,
}

impl Connection {
    /// Connects to a server.
    pub async fn open(
        server: &Server,
        tls: Option<&Connector>,
        within: Duration,
    ) -> Result<Self, OpenError> {
        let late = || {
            let source = format!("there was no answer within {} ms", within.as_millis());
            OpenError::Unreachable { hosts: server.shown.clone(), source: Some(source.into()) }
        };
        timeout(within, Connection::open_at_last(server, tls)).await.map_err(|_| late())?
    }

    async fn open_at_last(server: &Server, tls: Option<&Connector>) -> Result<Self, OpenError> {
        let host = || server.shown.clone();
        let away = |error: std::io::Error| OpenError::Unreachable {
            hosts: host(),
            source: Some(error.into()),
        };
        let tcp = TcpStream::connect((server.host.as_str(), server.port)).await.map_err(away)?;
        tcp.set_nodelay(true).map_err(away)?;
        let stream: Box<dyn Stream> = match tls {
            None => Box::new(tcp),
            Some(connector) => {
                let broken = |source| OpenError::Tls { host: host(), source };
                let name = ServerName::try_from(server.host.clone());
                let name = name.map_err(|error| broken(error.into()))?;
                let tls = connector.connect(name, tcp).await;
                Box::new(tls.map_err(|error| broken(error.into()))?)
            }
        };
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| {
            OpenError::Unreachable { hosts: host(), source: Some(error.into()) }
        })?;
        // What it fails with is told to the request that is under way.
        let io = spawn_local(async move { drop(connection.await) });
        let host = HeaderValue::from_str(&server.shown)
            .map_err(|error| OpenError::Options { rule: error.to_string() })?;
        Ok(Connection { sender, io, host, is_spoilt: false, is_own: false })
    }

    /// Whether it can be used no more.
    pub fn is_over(&self) -> bool {
        self.is_spoilt || self.sender.is_closed()
    }

    /// Asks for something and reads the answer, of so many bytes at most.
    pub async fn ask<A: DeserializeOwned>(
        &mut self,
        path: &'static str,
        request: &impl Serialize,
        token: Option<&HeaderValue>,
        answer_bytes_max: usize,
    ) -> Result<A, Failure> {
        let mut answer = self.send(Method::POST, path, json(request)?, token).await?;
        let bytes = read(answer.body_mut(), answer_bytes_max).await?;
        self.is_spoilt = false;
        parsed(answer.status(), &bytes)
    }

    /// Reads what stands at a path.
    pub async fn get<A: DeserializeOwned>(&mut self, path: &'static str) -> Result<A, Failure> {
        let mut answer = self.send(Method::GET, path, Vec::new(), None).await?;
        let bytes = read(answer.body_mut(), REFUSAL_BYTES_MAX).await?;
        self.is_spoilt = false;
        parsed(answer.status(), &bytes)
    }

    /// Asks for something whose answer is lines that go on.
    pub async fn follow(
        mut self,
        path: &'static str,
        request: &impl Serialize,
        token: Option<&HeaderValue>,
    ) -> Result<Lines, Failure> {
        let mut answer = self.send(Method::POST, path, json(request)?, token).await?;
        if answer.status() != StatusCode::OK {
            let bytes = read(answer.body_mut(), REFUSAL_BYTES_MAX).await?;
            return Err(refused(answer.status(), &bytes));
        }
        Ok(Lines { body: answer.into_body(), read: Vec::new(), searched: 0, _connection: self })
    }

    async fn send(
        &mut self,
        method: Method,
        path: &'static str,
        body: Vec<u8>,
        token: Option<&HeaderValue>,
    ) -> Result<Response<Incoming>, Failure> {
        let lost = "the connection was lost";
        if self.is_over() {
            return Err(Failure::unsent(lost));
        }
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &self.host)
            .header(CONTENT_TYPE, "application/json");
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, token);
        }
        let request = request
            .body(Whole::new(body))
            .map_err(|error| Failure::unsent("the request cannot be written").because(error))?;
        self.is_spoilt = true;
        self.sender.ready().await.map_err(|error| Failure::unsent(lost).because(error))?;
        self.sender.try_send_request(request).await.map_err(|mut error| {
            // It comes back if nothing of it was written.
            let failure = match error.take_message() {
                Some(_) => Failure::unsent(lost),
                None => Failure::unknown("the connection was lost before the server answered"),
            };
            failure.because(error.into_error())
        })
    }
}

/// Ends the socket at once: a server that is still at work goes on with it, and nothing waits for
/// that.
impl Drop for Connection {
    fn drop(&mut self) {
        self.io.abort();
    }
}

fn json(request: &impl Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(request)
        .map_err(|error| Failure::unsent("the request cannot be written").because(error))
}

/// The bytes of an answer.
async fn read(body: &mut Incoming, bytes_max: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    while let Some(more) = next(body).await? {
        if bytes.len() + more.len() > bytes_max {
            return Err(Failure::answer_too_large(bytes_max));
        }
        bytes.extend_from_slice(&more);
    }
    Ok(bytes)
}

/// The next bytes of an answer; none at its end.
async fn next(body: &mut Incoming) -> Result<Option<Bytes>, Failure> {
    while let Some(frame) = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
        let lost = "the connection was lost in the middle of an answer";
        let frame = frame.map_err(|error| Failure::unknown(lost).because(error))?;
        // What is no data says nothing that is needed.
        if let Ok(bytes) = frame.into_data() {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

fn parsed<A: DeserializeOwned>(status: StatusCode, bytes: &[u8]) -> Result<A, Failure> {
    if status != StatusCode::OK {
        return Err(refused(status, bytes));
    }
    serde_json::from_slice(bytes)
        .map_err(|error| Failure::unknown("the answer cannot be read").because(error))
}

/// What an answer that is no success says.
fn refused(status: StatusCode, bytes: &[u8]) -> Failure {
    match serde_json::from_slice::<Refusal>(bytes) {
        Ok(refusal) if refusal.code != 0 => Failure::said(&refusal),
        _ if status == StatusCode::NOT_FOUND => Failure::refused(
            tandem_disk::ErrorCode::Io,
            "the server has no gateway at /v3, which etcd has from 3.4 on",
        ),
        _ => Failure::unknown(format!("the server answers with status {}", status.as_u16())),
    }
}

/// The lines of an answer that goes on. The connection ends with it.
pub(crate) struct Lines {
    body: Incoming,
    read: Vec<u8>,
    /// How many of the bytes that are read have no end of a line.
    searched: usize,
    _connection: Connection,
}

impl Lines {
    /// The next line; none if the server has ended the answer. To wait for it and then not to do so
    /// loses nothing.
    pub async fn next(&mut self, line_bytes_max: usize) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            let end = self.read[self.searched..].iter().position(|byte| *byte == b'\n');
            if let Some(end) = end {
                let rest = self.read.split_off(self.searched + end + 1);
                self.searched = 0;
                return Ok(Some(std::mem::replace(&mut self.read, rest)));
            }
            self.searched = self.read.len();
            if self.read.len() > line_bytes_max {
                return Err(Failure::answer_too_large(line_bytes_max));
            }
            match next(&mut self.body).await? {
                Some(more) => self.read.extend_from_slice(&more),
                None => return Ok(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::{Fate, Reason};
    use crate::wire::TxnAnswer;

    fn fate(status: u16, text: &str) -> (Fate, Reason) {
        let status = StatusCode::from_u16(status).unwrap();
        let failure = parsed::<TxnAnswer>(status, text.as_bytes()).unwrap_err();
        (failure.fate, failure.reason)
    }

    #[test]
    fn an_answer_that_is_none_of_etcd_says_nothing_certain() {
        assert_eq!(fate(502, "<html>"), (Fate::Unknown, Reason::Other));
        assert_eq!(fate(500, "{}"), (Fate::Unknown, Reason::Other));
        assert_eq!(fate(200, "<html>"), (Fate::Unknown, Reason::Other));
        assert_eq!(fate(404, "Not Found"), (Fate::Refused, Reason::Other));
        let denied = r#"{"error":"no","message":"etcdserver: permission denied","code":7}"#;
        assert_eq!(fate(403, denied), (Fate::Refused, Reason::Denied));
    }
}
