//! `GET /`: one small page that says what answers here and where to look next.

use axum::extract::State;
use axum::response::Html;

use crate::desk::Desk;

/// Readable on a phone and at night; no file besides this page.
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem}\
    :root{color-scheme:light dark}dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem}\
    dt{opacity:.7}dd{margin:0;font-family:ui-monospace,monospace;overflow-wrap:anywhere}a{margin-right:1rem}";

pub(crate) async fn home(State(desk): State<Desk>) -> Html<String> {
    let identity = desk.identity();
    let [version, commit, digest, instance] =
        [identity.version(), identity.commit(), identity.digest(), identity.instance()].map(escaped);
    Html(format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Release desk</title>\
         <style>{STYLE}</style></head>\n\
         <body><h1>Release desk</h1>\n\
         <p>Where maintainers watch rollouts and approve promotions. This version shows its own health.</p>\n\
         <dl><dt>version</dt><dd>{version}</dd><dt>commit</dt><dd>{commit}</dd>\
         <dt>image</dt><dd>{digest}</dd><dt>instance</dt><dd>{instance}</dd></dl>\n\
         <p><a href=\"/health\">health</a> <a href=\"/version\">version</a> <a href=\"/metrics\">metrics</a></p>\n\
         </body></html>\n"
    ))
}

/// The identity comes from the environment: text, not markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
