//! The files of the page. It needs no other, and no build.

/// A file of the page.
pub struct Asset {
    pub kind: &'static str,
    pub text: &'static str,
}

/// What is at a path.
pub fn asset(path: &str) -> Option<Asset> {
    Some(match path {
        "/" => Asset { kind: "text/html; charset=utf-8", text: include_str!("page/index.html") },
        "/page.css" => {
            Asset { kind: "text/css; charset=utf-8", text: include_str!("page/page.css") }
        }
        "/page.js" => {
            Asset { kind: "text/javascript; charset=utf-8", text: include_str!("page/page.js") }
        }
        "/icon.svg" => Asset { kind: "image/svg+xml", text: include_str!("page/icon.svg") },
        _ => return None,
    })
}
