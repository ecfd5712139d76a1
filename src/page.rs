//! `GET /`: one small page that says what answers here and where to look next.

use axum::extract::State;
use axum::response::Html;

use crate::desk::Desk;

pub(crate) async fn home(State(desk): State<Desk>) -> Html<String> {
    let identity = desk.identity();
    let [version, commit, digest, instance] =
        [identity.version(), identity.commit(), identity.digest(), identity.instance()].map(escaped);
    Html(format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Release desk</title></head>\n\
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
