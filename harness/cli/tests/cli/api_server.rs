//! An API server of a test's own, as far as a run asks it anything before it makes something.
//!
//! It notes every request, so that a test can tell that nothing was made.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::desk::Desk;

/// What the server is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Character {
    /// Whether it knows the user.
    pub(crate) knows_the_user: bool,
    /// What the user may do: resource with subresource, verb, and whether in every namespace.
    pub(crate) allows: fn(&str, &str) -> bool,
    /// What ClusterRole `holdfast-bench` grants; absent: there is none.
    pub(crate) bench_role: Option<fn() -> Value>,
    /// Whether CloudNativePG is there.
    pub(crate) operator: bool,
}

/// A server on which everything is as it should be.
pub(crate) const GOOD: Character =
    Character { knows_the_user: true, allows: |_, _| true, bench_role: None, operator: true };

/// What charts put outside of their namespaces, which the least rights let nobody list.
const OUTSIDE: [&str; 7] = [
    "clusterroles",
    "clusterrolebindings",
    "validatingwebhookconfigurations",
    "mutatingwebhookconfigurations",
    "priorityclasses",
    "ingressclasses",
    "storageclasses",
];

/// A namespace that is left of a dead run.
pub(crate) const DEAD: &str = "hf-dead";

/// The server. Its thread ends with the test.
pub(crate) struct ApiServer {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl ApiServer {
    pub(crate) fn start(character: Character) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let noted = Arc::clone(&noted);
                std::thread::spawn(move || serve(&stream, character, &noted));
            }
        });
        Self { address, requests }
    }

    /// Writes a kubeconfig for it into the desk's folder `work`, with the context `gate`.
    pub(crate) fn kubeconfig(&self, desk: &Desk) {
        kubeconfig(desk, &self.address);
    }

    /// What was asked beyond reviews and discovery, `POST /api/v1/namespaces`.
    pub(crate) fn made(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        let harmless = |request: &&String| {
            request.starts_with("GET ") || request.contains("reviews") || request.contains("dryRun=All")
        };
        requests.iter().filter(|request| !harmless(request)).cloned().collect()
    }
}

/// A kubeconfig of the desk's user for a server at an address.
pub(crate) fn kubeconfig(desk: &Desk, address: &str) {
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "gate",
        "clusters": [{"name": "gate", "cluster": {"server": format!("http://{address}")}}],
        "users": [{"name": "gate", "user": {"token": "not-a-secret"}}],
        "contexts": [{"name": "gate", "context": {"cluster": "gate", "user": "gate"}}],
    });
    // Outside the folder whose content a test looks at.
    desk.write("home/kubeconfig", &config.to_string());
}

fn serve(stream: &TcpStream, character: Character, noted: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream);
    // A client keeps its connection and asks again on it.
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).is_err() || line.is_empty() {
            return;
        }
        let mut words = line.split_whitespace();
        let (method, path) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).unwrap();
            if header.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = header.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        noted.lock().unwrap().push(format!("{method} {path}"));
        let (status, answer) = answer(&path, &serde_json::from_slice(&body).unwrap_or_default(), character);
        let answer = answer.to_string();
        let head = format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}", answer.len());
        let mut writer = stream;
        if writer.write_all(format!("{head}\r\n\r\n{answer}").as_bytes()).is_err() {
            return;
        }
    }
}

fn answer(path: &str, body: &Value, character: Character) -> (u16, Value) {
    if !character.knows_the_user {
        return refusal(401, "Unauthorized", "Unauthorized");
    }
    let (path, _) = path.split_once('?').unwrap_or((path, ""));
    match path.rsplit('/').next().unwrap() {
        "version" => (
            200,
            json!({
                "major": "1", "minor": "36", "gitVersion": "v1.36.3", "gitCommit": "", "gitTreeState": "",
                "buildDate": "", "goVersion": "", "compiler": "", "platform": "",
            }),
        ),
        "selfsubjectreviews" => (
            201,
            json!({
                "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview", "metadata": {},
                "status": {"userInfo": {"username": "jane"}},
            }),
        ),
        "selfsubjectaccessreviews" => {
            let asked = &body["spec"]["resourceAttributes"];
            let text = |key: &str| asked[key].as_str().unwrap_or_default().to_owned();
            let resource = match text("subresource").as_str() {
                "" => text("resource"),
                subresource => format!("{}/{subresource}", text("resource")),
            };
            let mut review = body.clone();
            review["status"] = json!({"allowed": (character.allows)(&resource, &text("verb"))});
            (201, review)
        }
        "holdfast-bench" => match character.bench_role {
            Some(rules) => (
                200,
                json!({
                    "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
                    "metadata": {"name": "holdfast-bench"}, "rules": rules(),
                }),
            ),
            None => refusal(404, "NotFound", "clusterroles.rbac.authorization.k8s.io \"holdfast-bench\" not found"),
        },
        "clusters" if character.operator => (201, body.clone()),
        "namespaces" => (200, dead_namespaces()),
        name if name == DEAD => {
            (200, json!({"apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Success"}))
        }
        // Neither of them does the manifest of the least rights grant.
        "leases" => refusal(403, "Forbidden", "leases.coordination.k8s.io is forbidden: User \"jane\" cannot list"),
        outside if OUTSIDE.contains(&outside) => {
            refusal(403, "Forbidden", "User \"jane\" cannot list resource at the cluster scope")
        }
        _ => refusal(404, "NotFound", "the server could not find the requested resource"),
    }
}

/// What a run left here whose time to live is over.
fn dead_namespaces() -> Value {
    let metadata = json!({
        "name": DEAD, "labels": {"holdfast.dev/run": "20260101-0000-dead"},
        "annotations": {"holdfast.dev/expires": "2026-01-01T04:00:00Z"},
    });
    json!({
        "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList", "metadata": {},
        "items": [{"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata}],
    })
}

fn refusal(code: u16, reason: &str, message: &str) -> (u16, Value) {
    let status = json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure", "code": code, "reason": reason,
        "message": message,
    });
    (code, status)
}
