//! Every spelling is masked and found, in one piece or in many, and nothing else is.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use camino::{Utf8Path, Utf8PathBuf};
use rstest::rstest;

use super::{Form, Leak, Masking, PrivateRoom, RedactError, Redactor, Registration, Sink, scan};

const NASTY: &str = r#"p@s/s:w#r?d%+ &<"'\é~"#;
const PLAIN: &str = "kX9fT2mQ7rLw";
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHnUyBfUyzJm\nq83nOaLvT0aVh8d0b1xZ9yWkVg==\n-----END PRIVATE KEY-----\n";

fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
    (folder, path)
}

fn knowing(value: &str) -> Redactor {
    let redactor = Redactor::in_memory();
    assert_eq!(redactor.register("canary", value).unwrap(), Registration::Masked);
    redactor
}

/// A text per spelling in which a value may turn up, made by other means than the redactor's where there are any.
fn sightings(value: &str) -> Vec<(&'static str, String)> {
    let strict = percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC).to_string();
    let dsn = format!("postgresql://app:{strict}@db-rw:5432/app?sslmode=verify-full");
    let url = {
        let mut url = reqwest::Url::parse("https://example.org/?x=1").unwrap();
        url.query_pairs_mut().append_pair("password", value);
        url.to_string()
    };
    let user_information = {
        let mut url = reqwest::Url::parse("postgresql://app@db-rw/app").unwrap();
        url.set_password(Some(value)).unwrap();
        url.to_string()
    };
    let json = serde_json::json!({ "password": value }).to_string();
    vec![
        ("raw", format!("the password is {value}.")),
        ("json", json.clone()),
        ("json within json", serde_json::json!({ "last-applied": json }).to_string()),
        ("percent", dsn.clone()),
        (
            "percent, lower case",
            dsn.replace("%2F", "%2f")
                .replace("%3A", "%3a")
                .replace("%3F", "%3f")
                .replace("%2B", "%2b")
                .replace("%3C", "%3c")
                .replace("%5C", "%5c")
                .replace("%C3%A9", "%c3%a9")
                .replace("%7E", "%7e"),
        ),
        ("form", url),
        ("user information", user_information),
        ("base64", STANDARD.encode(value)),
        ("base64 without padding", STANDARD_NO_PAD.encode(value)),
        ("base64url", URL_SAFE.encode(value)),
        ("base64url without padding", URL_SAFE_NO_PAD.encode(value)),
        ("base64 at offset 1", STANDARD.encode(format!("x{value}yz"))),
        ("base64 at offset 2", STANDARD.encode(format!("xx{value}y"))),
        ("base64 at offset 3", URL_SAFE.encode(format!("xxx{value}"))),
        ("base64 of a connection string", STANDARD.encode(&dsn)),
        ("base64 of json", URL_SAFE_NO_PAD.encode(&json)),
        ("base64 twice", STANDARD.encode(STANDARD.encode(value))),
        ("hexadecimal", value.bytes().map(|byte| format!("{byte:02x}")).collect()),
        (
            "xml",
            quick_junit::XmlString::new(value)
                .as_str()
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('"', "&quot;"),
        ),
        ("sql", format!("ALTER ROLE app PASSWORD '{}'", value.replace('\'', "''"))),
        ("connection string", format!("password='{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))),
        ("pgpass", format!("*:*:*:app:{}", value.replace('\\', "\\\\").replace(':', "\\:"))),
    ]
}

#[rstest]
#[case::nasty(NASTY)]
#[case::plain(PLAIN)]
#[case::key(KEY)]
fn every_spelling_is_masked(#[case] value: &str) {
    let redactor = knowing(value);
    for (spelling, text) in sightings(value) {
        let masked = redactor.mask(&text);
        assert!(masked.contains("[redacted:canary]"), "{spelling} got past the mask: {text}");
        assert!(!redactor.finds(masked.as_bytes()), "{spelling} is still in {masked}");
    }
}

#[rstest]
#[case::nasty(NASTY)]
#[case::plain(PLAIN)]
#[case::key(KEY)]
fn a_planted_hit_is_found_in_every_spelling(#[case] value: &str) {
    let redactor = knowing(value);
    for (spelling, text) in sightings(value) {
        let (_guard, folder) = folder();
        std::fs::create_dir(folder.join("diagnostics")).unwrap();
        std::fs::write(folder.join("diagnostics/pod.log"), format!("before {text} after")).unwrap();
        let leaks = scan(&folder, &redactor).unwrap();
        assert!(!leaks.is_empty(), "{spelling} was not found");
        assert!(leaks.iter().all(|leak| leak.file == "diagnostics/pod.log" && leak.credential == "canary"));
    }
}

#[test]
fn a_hit_in_the_name_of_a_file_is_found_and_not_repeated() {
    let (_guard, folder) = folder();
    std::fs::write(folder.join(format!("{PLAIN}.log")), "nothing here").unwrap();
    assert_eq!(
        scan(&folder, &knowing(PLAIN)).unwrap(),
        [Leak { file: "[redacted:canary].log".into(), credential: "canary".into(), form: Form::Raw }]
    );
}

#[test]
fn what_goes_through_the_sink_scans_clean() {
    let (_guard, folder) = folder();
    let sink = Sink::new(knowing(NASTY));
    for (spelling, text) in sightings(NASTY) {
        sink.write(&folder.join(format!("{spelling}.txt")), text.as_bytes()).unwrap();
        sink.json(&folder.join(format!("{spelling}.json")), &serde_json::json!({ "found": [text] })).unwrap();
    }
    assert_eq!(scan(&folder, sink.redactor()).unwrap(), []);
}

#[test]
fn a_folder_that_cannot_be_read_is_not_clean() {
    let (_guard, folder) = folder();
    assert!(matches!(scan(&folder.join("gone"), &knowing(PLAIN)), Err(RedactError::Scan { .. })));
}

#[rstest]
#[case::one_byte_at_a_time(1)]
#[case::two(2)]
#[case::seven(7)]
#[case::most_of_it(40)]
#[case::at_once(100_000)]
fn a_credential_that_is_cut_by_a_buffer_is_masked(#[case] size: usize) {
    for (spelling, text) in sightings(NASTY) {
        let text = format!("{text} and {text}\n{}", "filler ".repeat(50));
        let redactor = knowing(NASTY);
        let mut masking = Masking::new(Vec::new(), redactor.clone());
        for piece in text.as_bytes().chunks(size) {
            masking.write_all(piece).unwrap();
            masking.flush().unwrap();
        }
        let streamed = String::from_utf8(masking.finish().unwrap()).unwrap();
        assert_eq!(streamed, redactor.mask(&text), "{spelling} in pieces of {size}");
        assert!(!redactor.finds(streamed.as_bytes()));
    }
}

#[test]
fn nothing_else_is_touched() {
    let text = "password of role app rotated; kX9fT2mQ7rL is not it, nor a1g5ZlQybVE3ckw=";
    assert_eq!(knowing(PLAIN).mask(text), text);
    let mut masking = Masking::new(Vec::new(), Redactor::in_memory());
    masking.write_all(text.as_bytes()).unwrap();
    assert_eq!(masking.finish().unwrap(), text.as_bytes());
}

#[test]
fn a_mask_does_not_show_what_it_hides() {
    let redactor = Redactor::in_memory();
    redactor.register("agents/shop-db-1/prefix", "shop-db-1").unwrap();
    redactor.register("agents/shop-db-1/password", PLAIN).unwrap();
    let masked = redactor.mask(&format!("shop-db-1 {PLAIN}")).into_owned();
    assert_eq!(masked, "[redacted:a credential] [redacted:a credential]");
    let (_guard, folder) = folder();
    Sink::new(redactor).json(&folder.join("record.json"), &serde_json::json!({ "app": "shop-db-1" })).unwrap();
}

#[test]
fn a_short_value_is_named_and_not_masked() {
    let redactor = Redactor::in_memory();
    assert_eq!(redactor.register("agents-db-app/password", "abc").unwrap(), Registration::TooShort);
    assert_eq!(redactor.mask("abc"), "abc");
    assert_eq!(redactor.too_short(), ["agents-db-app/password"]);
}

#[test]
fn the_file_that_a_value_was_read_from_may_end_in_a_newline() {
    assert_eq!(knowing(&format!("{PLAIN}\n")).mask(PLAIN), "[redacted:canary]");
}

#[test]
fn one_line_of_a_key_is_masked_wherever_it_is_indented() {
    let masked = knowing(KEY).mask("    MC4CAQAwBQYDK2VwBCIEIHnUyBfUyzJm\n").into_owned();
    assert_eq!(masked, "    [redacted:canary]\n");
}

#[test]
fn masked_json_is_still_json() {
    let (_guard, folder) = folder();
    let sink = Sink::new(knowing(NASTY));
    let path = folder.join("record.json");
    sink.json(&path, &serde_json::json!({ "dsn": format!("a {NASTY} b"), NASTY: 1 })).unwrap();
    let read: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(read, serde_json::json!({ "dsn": "a [redacted:canary] b", "[redacted:canary]": 1 }));
}

#[test]
fn a_value_that_is_also_structure_is_refused_rather_than_torn() {
    let sink = Sink::new(knowing("1234567"));
    let refused = sink.json_line(Utf8Path::new("record.json"), &serde_json::json!({ "port": 12_345_678 }));
    assert!(matches!(refused, Err(RedactError::Structure { .. })));
}

#[test]
fn processes_of_one_run_mask_what_the_others_registered() {
    let (_guard, base) = folder();
    let room = PrivateRoom::create(&base, "20261122-1412-k3f9").unwrap();
    let (one, other) = (room.redactor().unwrap(), PrivateRoom::open(room.folder()).unwrap().redactor().unwrap());
    one.register("agents-db-app/password", PLAIN).unwrap();
    assert_eq!(other.mask(PLAIN), "[redacted:agents-db-app/password]");
    other.register("superuser", "9fQ2xx-TTzz").unwrap();
    assert_eq!(one.mask("9fQ2xx-TTzz"), "[redacted:superuser]");
}

#[test]
fn what_may_hold_credentials_is_for_its_owner_only() {
    let (_guard, base) = folder();
    let room = PrivateRoom::create(&base, "20261122-1412-k3f9").unwrap();
    room.redactor().unwrap().register("canary", PLAIN).unwrap();
    room.spool("agents/pod.log").unwrap();
    let lent = room.loan().unwrap();
    let loan = Utf8Path::from_path(lent.path()).unwrap().strip_prefix(room.folder()).unwrap().to_owned();
    let mode = |path: &str| std::fs::metadata(room.folder().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        [mode(""), mode("credentials"), mode("spool"), mode("spool/agents__pod.log"), mode(loan.as_str())],
        [0o700, 0o600, 0o700, 0o600, 0o600]
    );
    std::fs::set_permissions(room.folder(), std::fs::Permissions::from_mode(0o755)).unwrap();
    assert!(matches!(PrivateRoom::open(room.folder()), Err(RedactError::Exposed { .. })));
}

#[test]
fn a_raw_log_leaves_the_private_room_masked_and_only_so() {
    let (_guard, base) = folder();
    let room = PrivateRoom::create(&base, "20261122-1412-k3f9").unwrap();
    let sink = Sink::new(room.redactor().unwrap());
    sink.redactor().register("canary", PLAIN).unwrap();
    room.spool("pod").unwrap().write_all(format!("connecting with {PLAIN}\n").as_bytes()).unwrap();
    assert_eq!(room.raw("pod").unwrap().unwrap(), format!("connecting with {PLAIN}\n").as_bytes());
    assert_eq!(room.raw("never spooled").unwrap(), None);
    let artefact = base.join("run/diagnostics/pod.log");
    room.release("pod", &sink, &artefact).unwrap();
    assert_eq!(std::fs::read_to_string(&artefact).unwrap(), "connecting with [redacted:canary]\n");
    assert!(!room.folder().join("spool/pod").exists());
    room.release("never spooled", &sink, &artefact).unwrap();
    room.clone().remove().unwrap();
    assert!(!room.folder().exists());
}

#[test]
fn credentials_do_not_show_when_a_redactor_is_printed() {
    assert_eq!(format!("{:?}", knowing(PLAIN)), "Redactor { credentials: 1 }");
}
