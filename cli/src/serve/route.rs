//! Which answer a request gets.

use std::convert::Infallible;
use std::sync::Arc;

use hyper::{Method, Request, StatusCode};

use super::answer::{self, NoAnswer, Reply, refusal, refused};
use super::server::Server;
use super::{assets, events, host, manifest, past, query};
use crate::ids;

/// Whose request it is: browsers tell it.
const SITE: &str = "sec-fetch-site";
const LAST_EVENT: &str = "last-event-id";

/// Answers a request.
pub async fn answered<B>(server: Arc<Server>, request: Request<B>) -> Result<Reply, Infallible> {
    Ok(route(&server, &request).await.unwrap_or_else(refused))
}

async fn route<B>(server: &Arc<Server>, request: &Request<B>) -> Result<Reply, NoAnswer> {
    if server.is_loopback {
        host::check(request).map_err(|why| refusal(StatusCode::MISDIRECTED_REQUEST, why))?;
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(refusal(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered"));
    }
    let path = request.uri().path();
    if let Some(asset) = assets::asset(path) {
        return Ok(answer::file(asset.kind, asset.text));
    }
    // No answer could be read there, but the asking would take its share of what is bounded.
    let site = request.headers().get(SITE);
    if site.is_some_and(|site| site != "same-origin" && site != "none") {
        return Err(refusal(StatusCode::FORBIDDEN, "only the page itself is answered"));
    }
    match path {
        "/api/events" => events(server, request),
        "/api/run" => {
            let (task, run) =
                (id(server, request, "task").await?, id(server, request, "run").await?);
            manifest::manifest(server, task, run).await
        }
        "/api/task" => past::past(server, &id(server, request, "task").await?).await,
        _ => Err(refusal(StatusCode::NOT_FOUND, "there is nothing at this address")),
    }
}

fn events<B>(server: &Arc<Server>, request: &Request<B>) -> Result<Reply, NoAnswer> {
    if request.method() == Method::HEAD {
        return Ok(answer::no_events());
    }
    let bad = |why: String| refusal(StatusCode::BAD_REQUEST, why);
    // A browser that connects again by itself asks with the header.
    let header = request.headers().get(LAST_EVENT).and_then(|last| last.to_str().ok());
    let asked = query::value(request.uri().query(), "after").map_err(bad)?;
    let after = header.or(asked.as_deref());
    let Some(viewer) = server.watcher.view() else {
        let why = "too many pages are open, close one";
        return Err(refusal(StatusCode::SERVICE_UNAVAILABLE, why));
    };
    Ok(answer::events(events::stream(viewer, after)))
}

/// A parameter that is an id.
async fn id<B>(server: &Server, request: &Request<B>, name: &str) -> Result<String, NoAnswer> {
    let bad = |why: &str| refusal(StatusCode::BAD_REQUEST, why);
    let id = query::value(request.uri().query(), name).map_err(|why| bad(&why))?;
    let id = id.ok_or_else(|| bad(&format!("it is missing: {name}")))?;
    if !ids::is_usual(&id) {
        // The component knows the rules, and it is not kept for the few that need it.
        let checked = async {
            let _permit = server.reading().await?;
            ids::check_in(&server.place, &id).await
        };
        // It is asked for what could be a task's. Runs have the same rules.
        let told = |why: String| bad(&why.replacen("task id", &format!("{name} id"), 1));
        checked.await.map_err(told)?;
    }
    Ok(id)
}
