//! Answers to requests, each with what keeps a browser from doing more than to show the page.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use tokio::sync::OwnedSemaphorePermit;

pub type Reply = Response<Content>;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
const EVENTS: &str = "text/event-stream";
const METHODS: &str = "GET, HEAD";

/// The page has files of its own and nothing else, runs no script but its file, and is in no frame;
/// texts become no markup by any script.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

const HEADERS: [(&str, &str); 7] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
];

/// What an answer has.
pub enum Content {
    /// All of it. What else is in memory for it may be as long as the permit is there.
    Whole(Option<Bytes>, #[allow(dead_code, reason = "it counts")] Option<OwnedSemaphorePermit>),
    /// Pieces, each made when the one before has been taken.
    Pieces(Pin<Box<dyn Stream<Item = Bytes> + Send>>),
}

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Content::Whole(bytes, _) => Poll::Ready(bytes.take().map(|all| Ok(Frame::data(all)))),
            Content::Pieces(pieces) => {
                pieces.as_mut().poll_next(context).map(|piece| piece.map(|it| Ok(Frame::data(it))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Content::Whole(None, _))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Content::Whole(bytes, _) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |all| all.len() as u64))
            }
            Content::Pieces(_) => SizeHint::default(),
        }
    }
}

/// A file of the page.
pub fn file(kind: &'static str, text: &'static str) -> Reply {
    answer(StatusCode::OK, kind, Content::Whole(Some(Bytes::from_static(text.as_bytes())), None))
}

/// JSON that was made of a file, and may be large.
pub fn json(text: String, permit: OwnedSemaphorePermit) -> Reply {
    answer(StatusCode::OK, JSON, Content::Whole(Some(text.into()), Some(permit)))
}

/// Events, as long as they are read.
pub fn events(pieces: impl Stream<Item = Bytes> + Send + 'static) -> Reply {
    answer(StatusCode::OK, EVENTS, Content::Pieces(Box::pin(pieces)))
}

/// The head of that alone.
pub fn no_events() -> Reply {
    answer(StatusCode::OK, EVENTS, Content::Whole(None, None))
}

/// Why a request gets no other answer, in one sentence.
pub struct NoAnswer {
    status: StatusCode,
    why: String,
}

pub fn refusal(status: StatusCode, why: impl Into<String>) -> NoAnswer {
    NoAnswer { status, why: why.into() }
}

/// The answer that tells it.
pub fn refused(NoAnswer { status, why }: NoAnswer) -> Reply {
    let told = Content::Whole(Some(format!("{why}\n").into()), None);
    let mut refused = answer(status, TEXT, told);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static(METHODS));
    }
    refused
}

fn answer(status: StatusCode, kind: &'static str, content: Content) -> Reply {
    let mut answer = Response::new(content);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    answer
}
