//! Takes connections, as many as there may be.

use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::bounds::{BUFFER_BYTES, CONNECTIONS_MAX, GAP, REQUEST_TIME_MAX, STALL_TIME_MAX};
use super::patient::Patient;
use super::route::answered;
use super::server::Server;

/// What one too many is told.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\n\
    content-length: 35\r\nconnection: close\r\n\r\ntoo many connections, close a page\n";

/// Takes connections until it is dropped, and serves each.
pub async fn accept(listener: TcpListener, server: Arc<Server>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // Descriptors may be missing for a while, and what is wrong with one is nobody else's matter.
            Err(_) => {
                sleep(GAP).await;
                continue;
            }
        };
        match room.clone().try_acquire_owned() {
            Ok(place) => {
                let server = server.clone();
                tokio::spawn(async move {
                    serve(stream, server).await;
                    drop(place);
                });
            }
            // It is told if it can be told at once.
            Err(_) => drop(stream.try_write(FULL)),
        }
    }
}

async fn serve(stream: TcpStream, server: Arc<Server>) {
    // An event is one small write. Without this it is only later.
    let _ = stream.set_nodelay(true);
    let stream = TokioIo::new(Patient::new(stream, STALL_TIME_MAX));
    let service = service_fn(move |request| answered(server.clone(), request));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new());
    http.header_read_timeout(REQUEST_TIME_MAX);
    http.max_buf_size(BUFFER_BYTES);
    // What goes wrong with a connection concerns who made it.
    let _ = http.serve_connection(stream, service).await;
}
