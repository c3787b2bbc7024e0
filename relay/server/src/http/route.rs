//! One registration makes the route and its place in `/openapi.json`: neither can be without the other.

mod admit;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, on};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

pub(crate) use self::admit::{At, forbidden, presented};
use crate::access::Scope;
use crate::app::App;

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Everybody: the body proves who calls, or nothing needs proof.
    Anyone,
    /// A backend whose key has the scope.
    Key(Scope),
    /// A device with an access token.
    Device,
}

/// The calls of the relay.
pub(crate) struct Routes {
    app: Arc<App>,
    router: Router<Arc<App>>,
    calls: Vec<Call>,
}

/// One call, as it is documented.
#[derive(Debug)]
pub(crate) struct Call {
    method: &'static str,
    path: &'static str,
    who: Who,
    summary: &'static str,
    query: &'static [(&'static str, &'static str)],
    body: Option<Value>,
    answers: BTreeMap<u16, Value>,
    schemas: Map<String, Value>,
    /// May wait for changes.
    waits: bool,
}

impl Routes {
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self { app, router: Router::new(), calls: Vec::new() }
    }

    pub(crate) fn get<H, T>(self, path: &'static str, who: Who, handler: H, call: fn(Call) -> Call) -> Self
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        self.on(MethodFilter::GET, "get", path, who, handler, call)
    }

    pub(crate) fn post<H, T>(self, path: &'static str, who: Who, handler: H, call: fn(Call) -> Call) -> Self
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        self.on(MethodFilter::POST, "post", path, who, handler, call)
    }

    pub(crate) fn put<H, T>(self, path: &'static str, who: Who, handler: H, call: fn(Call) -> Call) -> Self
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        self.on(MethodFilter::PUT, "put", path, who, handler, call)
    }

    pub(crate) fn patch<H, T>(self, path: &'static str, who: Who, handler: H, call: fn(Call) -> Call) -> Self
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        self.on(MethodFilter::PATCH, "patch", path, who, handler, call)
    }

    pub(crate) fn delete<H, T>(self, path: &'static str, who: Who, handler: H, call: fn(Call) -> Call) -> Self
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        self.on(MethodFilter::DELETE, "delete", path, who, handler, call)
    }

    /// The router, and the calls in the order of their registration.
    pub(crate) fn finish(self) -> (Router<Arc<App>>, Vec<Call>) {
        (self.router, self.calls)
    }

    fn on<H, T>(
        mut self,
        filter: MethodFilter,
        method: &'static str,
        path: &'static str,
        who: Who,
        handler: H,
        call: fn(Call) -> Call,
    ) -> Self
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        let call = call(Call::new(method, path, who));
        let gate = admit::Gate { app: Arc::clone(&self.app), who, waits: call.waits };
        let route = on(filter, handler).layer(from_fn_with_state(gate, admit::admit));
        self.router = self.router.route(path, route);
        self.calls.push(call);
        self
    }
}

impl Call {
    fn new(method: &'static str, path: &'static str, who: Who) -> Self {
        Self {
            method,
            path,
            who,
            summary: "",
            query: &[],
            body: None,
            answers: BTreeMap::new(),
            schemas: Map::new(),
            waits: false,
        }
    }

    /// What it does, in a sentence.
    pub(crate) fn about(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }

    /// The fields of its query, each with a sentence.
    pub(crate) fn query(mut self, query: &'static [(&'static str, &'static str)]) -> Self {
        self.query = query;
        self
    }

    /// It may wait for changes.
    pub(crate) fn waits(mut self) -> Self {
        self.waits = true;
        self
    }

    /// Its body as JSON.
    pub(crate) fn body<T: ToSchema>(self) -> Self {
        self.body_as::<T>(&["application/json"])
    }

    /// Its body in several media types of one schema.
    pub(crate) fn body_as<T: ToSchema>(mut self, media: &[&str]) -> Self {
        let schema = self.schema::<T>();
        let content: Map<_, _> =
            media.iter().map(|media| ((*media).to_owned(), json!({"schema": schema}))).collect();
        self.body = Some(json!({"content": content}));
        self
    }

    /// A body that is text.
    pub(crate) fn body_text(mut self, media: &[&str]) -> Self {
        let content = self.body.get_or_insert_with(|| json!({"content": {}}));
        for media in media {
            content["content"][*media] = json!({"schema": {"type": "string"}});
        }
        self
    }

    /// An answer as JSON.
    pub(crate) fn answer<T: ToSchema>(mut self, status: u16, about: &str) -> Self {
        let schema = self.schema::<T>();
        self.answers.insert(
            status,
            json!({"description": about, "content": {"application/json": {"schema": schema}}}),
        );
        self
    }

    /// A page of answers.
    pub(crate) fn page<T: ToSchema>(mut self, about: &str) -> Self {
        let schema = self.schema::<T>();
        let page = json!({
            "type": "object",
            "required": ["items", "next"],
            "properties": {"items": {"type": "array", "items": schema}, "next": {"type": ["string", "null"]}},
        });
        self.answers
            .insert(200, json!({"description": about, "content": {"application/json": {"schema": page}}}));
        self
    }

    /// An answer without a schema of ours.
    pub(crate) fn answer_plain(mut self, status: u16, about: &str) -> Self {
        self.answers.insert(status, json!({"description": about}));
        self
    }

    fn schema<T: ToSchema>(&mut self) -> Value {
        let mut schemas = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut schemas);
        for (name, schema) in schemas {
            self.schemas.insert(name, serde_json::to_value(schema).expect("a schema is JSON"));
        }
        json!({"$ref": format!("#/components/schemas/{}", T::name())})
    }
}

/// The document of all calls.
pub(crate) fn open_api(calls: &[Call]) -> Value {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    for call in calls {
        schemas.extend(call.schemas.clone());
        let path = paths.entry(call.path).or_insert_with(|| json!({}));
        path[call.method] = operation(call);
    }
    let mut problem =
        vec![("Problem".to_owned(), <tidings_protocol::problem::Problem as utoipa::PartialSchema>::schema())];
    <tidings_protocol::problem::Problem as ToSchema>::schemas(&mut problem);
    for (name, schema) in problem {
        schemas.insert(name, serde_json::to_value(schema).expect("a schema is JSON"));
    }
    // The socket is no call with a body: PROTOCOL.md has its frames.
    paths.insert(
        "/v1/socket".into(),
        json!({"get": {
            "summary": "WebSocket with the subprotocol tidings.v1; the token in Authorization or in hello.",
            "security": [{"device": []}, {}],
            "responses": {"101": {"description": "Frames of tidings.v1 follow"}},
        }}),
    );
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tidings",
            "version": env!("CARGO_PKG_VERSION"),
            "description": super::LIMITS_TEXT,
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key, tdk_live_… or tdk_test_…"},
                "key_as_password": {"type": "http", "scheme": "basic", "description": "The key as password, no name"},
                "device": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
        },
    })
}

fn operation(call: &Call) -> Value {
    let names = call.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path = names.map(|name| {
        json!({"name": name, "in": "path", "required": true, "schema": {"type": "string", "maxLength": 128}})
    });
    let in_query = call.query.iter().map(|(name, about)| {
        json!({"name": name, "in": "query", "description": about, "schema": {"type": "string"}})
    });
    let mut parameters: Vec<Value> = in_path.chain(in_query).collect();
    if call.method == "post" {
        parameters.push(json!({"name": "Idempotency-Key", "in": "header",
            "schema": {"type": "string", "maxLength": tidings_protocol::limits::IDEMPOTENCY_KEY_CHARS_MAX}}));
    }
    let mut answers: Map<String, Value> =
        call.answers.iter().map(|(status, answer)| (status.to_string(), answer.clone())).collect();
    answers.insert(
        "default".into(),
        json!({"description": "What went wrong (RFC 9457)",
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}),
    );
    let (security, scope) = match call.who {
        Who::Anyone => (json!([]), String::new()),
        Who::Key(scope) => (json!([{"key": []}, {"key_as_password": []}]), format!(" Scope: {scope}.")),
        Who::Device => (json!([{"device": []}]), String::new()),
    };
    let mut operation = json!({
        "summary": format!("{}{scope}", call.summary),
        "parameters": parameters,
        "responses": answers,
        "security": security,
    });
    if let Some(body) = &call.body {
        operation["requestBody"] = body.clone();
    }
    operation
}
