//! `/metrics`: what the desk counts, as Prometheus reads it (OpenMetrics text).
//!
//! Labels have few values: the route as it is written in the router, never the path of a request.

use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::checks;
use crate::desk::Desk;
use crate::health::{self, Readiness};
use crate::identity::Identity;
use crate::outside::Clock;

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Seconds. A page takes about a millisecond; the ceilings of rollout policies lie between 0.1 and 5.
const DURATION_BUCKETS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    method: &'static str,
    status: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
    method: &'static str,
}

type Durations = Family<RouteLabels, Histogram, fn() -> Histogram>;

/// The counters and gauges of one desk.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter<u64, AtomicU64>>,
    durations: Durations,
    in_flight: Gauge<i64, AtomicI64>,
    ready: Gauge<i64, AtomicI64>,
    uptime_secs: Gauge<i64, AtomicI64>,
    resident_bytes: Gauge<i64, AtomicI64>,
}

impl Metrics {
    pub(crate) fn new(identity: &Identity, clock: Clock) -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(DURATION_BUCKETS)),
            in_flight: Gauge::default(),
            ready: Gauge::default(),
            uptime_secs: Gauge::default(),
            resident_bytes: Gauge::default(),
        };
        metrics.register(identity, clock);
        metrics
    }

    fn register(&mut self, identity: &Identity, clock: Clock) {
        let desk = self.registry.sub_registry_with_prefix("gateline_desk");
        desk.register("requests", "Requests answered", self.requests.clone());
        desk.register(
            "request_duration_seconds",
            "From the head of a request to its reply",
            self.durations.clone(),
        );
        desk.register(
            "requests_in_flight",
            "Requests not answered yet, this one included",
            self.in_flight.clone(),
        );
        desk.register("ready", "1 while the desk wants traffic", self.ready.clone());
        desk.register("uptime_seconds", "Time since the start", self.uptime_secs.clone());
        let labels = [
            ("version", identity.version()),
            ("commit", identity.commit()),
            ("digest", identity.digest()),
            ("instance", identity.instance()),
        ];
        let labels: Vec<_> = labels.map(|(name, value)| (name.into(), value.to_owned().into())).into();
        let build = self.registry.sub_registry_with_labels(labels.into_iter());
        build.register(
            "gateline_desk_build_info",
            "Always 1; the labels say who this is",
            ConstGauge::new(1_i64),
        );
        let started = i64::try_from(clock.started_unix_secs()).unwrap_or(i64::MAX);
        self.registry.register("process_start_time_seconds", "Start, Unix time", ConstGauge::new(started));
        self.registry.register(
            "process_resident_memory_bytes",
            "Resident memory",
            self.resident_bytes.clone(),
        );
    }

    /// Counts one reply.
    pub(crate) fn count(&self, route: &str, method: &Method, status: StatusCode, duration: Duration) {
        let method = method_label(method);
        let labels = RequestLabels { route: route.to_owned(), method, status: status.as_u16().into() };
        self.requests.get_or_create(&labels).inc();
        let labels = RouteLabels { route: route.to_owned(), method };
        self.durations.get_or_create(&labels).observe(duration.as_secs_f64());
    }
}

/// Clients can invent methods; a label must not grow with them.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// Answers `GET /metrics`; what only a reading needs is measured now.
pub(crate) async fn show(State(desk): State<Desk>) -> Response {
    let metrics = desk.metrics();
    metrics.in_flight.set(gauge(desk.in_flight()));
    metrics.ready.set(i64::from(health::readiness(&desk).await == Readiness::Ready));
    metrics.uptime_secs.set(gauge(desk.clock().uptime().as_secs()));
    metrics.resident_bytes.set(gauge(checks::resident_bytes().unwrap_or(0)));
    let mut body = String::new();
    match text::encode(&mut body, &metrics.registry) {
        Ok(()) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
