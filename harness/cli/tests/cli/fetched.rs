//! Charts that a subject file names by a chart repository or a registry, fetched by the real Helm from loopback.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use harness::helm::Helms;

use crate::desk::Desk;
use crate::stdout;

/// A chart repository: the files of a folder. Its thread ends with the test.
struct Repository {
    address: String,
    archives: Arc<AtomicUsize>,
}

impl Repository {
    fn serve(folder: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let archives = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&archives);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                answer(&stream, &folder, &counted);
            }
        });
        Self { address, archives }
    }

    /// How many archives it has given away.
    fn given(&self) -> usize {
        self.archives.load(Ordering::SeqCst)
    }
}

fn answer(stream: &TcpStream, folder: &Path, archives: &AtomicUsize) {
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    reader.read_line(&mut request).unwrap();
    let mut header = String::new();
    while reader.read_line(&mut header).unwrap() > 2 {
        header.clear();
    }
    let path = request.split(' ').nth(1).unwrap_or_default().trim_start_matches('/');
    let (status, body) = fs::read(folder.join(path)).map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
    archives.fetch_add(usize::from(path.ends_with(".tgz")), Ordering::SeqCst);
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let mut stream = stream;
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body).unwrap();
}

/// A machine with the real Helm, and a repository with version 1.0.0 of chart `shop`, which is not on the machine.
fn desk_and_repository() -> (Desk, Repository) {
    let desk = Desk::new();
    fs::remove_file(desk.path("bin/helm4")).unwrap();
    symlink(Helms::at_hand().unwrap().installer().unwrap(), desk.path("bin/helm4")).unwrap();
    fs::rename(desk.path("work/shop"), desk.path("shop")).unwrap();
    desk.write("shop/templates/shop.yaml", CONFIG);
    let repository = Repository::serve(desk.path("charts"));
    publish(&desk, &repository, "1.0.0");
    (desk, repository)
}

fn publish(desk: &Desk, repository: &Repository, version: &str) {
    let helm = |arguments: &[&str]| {
        let output = Command::new(desk.path("bin/helm4")).args(arguments).current_dir(desk.path("")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    helm(&["package", "shop", "--version", version, "--destination", "charts"]);
    helm(&["repo", "index", "charts", "--url", &repository.address]);
}

/// The folders of charts that are kept.
fn kept(desk: &Desk) -> usize {
    let shelves = fs::read_dir(desk.path("cache/holdfast/charts")).unwrap().map(|shelf| shelf.unwrap().path());
    let places = shelves.flat_map(|shelf| fs::read_dir(shelf).unwrap()).map(|place| place.unwrap().path());
    places.filter(|place| place.join("shop/Chart.yaml").is_file()).count()
}

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop-from-afar}\n";

fn subject(chart: &str) -> String {
    format!(
        "apiVersion: holdfast.dev/v1\nkind: Subject\nmetadata: {{name: shop}}\ncontract: \"1.0\"\n\
         releases: [{{name: shop, chart: {{{chart}}}}}]\noverlays: {{local: {{}}, production: {{production: true}}}}\n"
    )
}

const CHECK: &[&str] = &["check", "--subject", "subject.yaml", "--only", "RENDER-11"];

#[test]
fn a_chart_of_a_repository_is_fetched_once_where_its_version_is_exact() {
    let (desk, repository) = desk_and_repository();
    desk.write(
        "work/subject.yaml",
        &subject(&format!("repository: {}, name: shop, version: 1.0.0", repository.address)),
    );
    for _ in 0..2 {
        let output = desk.holdfast(CHECK);
        assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), desk.said(&output));
        assert!(stdout(&output).contains("shop 1.0.0"), "{}", stdout(&output));
    }
    assert_eq!(repository.given(), 1, "two overlays in two calls");
}

#[test]
fn a_range_is_looked_up_each_time_and_is_no_pin() {
    let (desk, repository) = desk_and_repository();
    desk.write("work/subject.yaml", &subject(&format!("repository: {}, name: shop, version: ^1", repository.address)));
    for version in ["1.0.0", "1.1.0"] {
        publish(&desk, &repository, version);
        let output = desk.holdfast(CHECK);
        assert_eq!(output.status.code(), Some(1), "{}{}", stdout(&output), desk.said(&output));
        assert!(stdout(&output).contains("version of the chart"), "{}", stdout(&output));
        assert!(stdout(&output).contains(&format!("shop {version}")), "{}", stdout(&output));
    }
    assert_eq!(repository.given(), 2, "once in each call");
    assert_eq!(kept(&desk), 2, "whoever reads the older one goes on reading it");
}

#[test]
fn a_chart_that_cannot_be_fetched_is_named_with_what_helm_says() {
    let (desk, repository) = desk_and_repository();
    desk.write(
        "work/subject.yaml",
        &subject(&format!("repository: {}, name: shop, version: 9.9.9", repository.address)),
    );
    let output = desk.holdfast(CHECK);
    assert_eq!(output.status.code(), Some(3), "{}{}", stdout(&output), desk.said(&output));
    let told = stdout(&output);
    assert!(told.contains("fetch chart shop 9.9.9") && told.contains("run `helm pull` yourself"), "{told}");
}

#[test]
fn what_the_chart_of_a_companion_renders_answers_references() {
    let (desk, repository) = desk_and_repository();
    desk.write("work/own/Chart.yaml", "apiVersion: v2\nname: own\nversion: 1.0.0\n");
    desk.write("work/own/templates/pod.yaml", POD);
    let releases = "releases: [{name: own, chart: {path: own}}]\n";
    let head = "apiVersion: holdfast.dev/v1\nkind: Subject\nmetadata: {name: own}\ncontract: \"1.0\"\n";
    let check = ["check", "--subject", "subject.yaml", "--only", "RENDER-13"];

    desk.write("work/subject.yaml", &format!("{head}{releases}"));
    let alone = desk.holdfast(&check);
    assert_eq!(alone.status.code(), Some(1), "{}{}", stdout(&alone), desk.said(&alone));

    let chart = format!("repository: {}, name: shop, version: 1.0.0", repository.address);
    desk.write("work/subject.yaml", &format!("{head}{releases}companions: [{{name: shop, chart: {{{chart}}}}}]\n"));
    let beside_it = desk.holdfast(&check);
    assert_eq!(beside_it.status.code(), Some(0), "{}{}", stdout(&beside_it), desk.said(&beside_it));
}

const POD: &str = "apiVersion: v1
kind: Pod
metadata: {name: own}
spec:
  containers:
    - {name: own, image: own, envFrom: [{configMapRef: {name: shop-from-afar}}]}
";
