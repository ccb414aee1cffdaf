use super::*;

const HUB: &str = "https://index.docker.io/v1/";

struct Site {
    directory: tempfile::TempDir,
}

impl Site {
    fn new(config: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("config.json"), config).unwrap();
        Self { directory }
    }

    async fn ask(&self, server: &str) -> Result<Option<DockerCredentials>, CredentialError> {
        let mut credentials = Credentials::new(Some(self.directory.path()));
        credentials.helpers = self.directory.path().to_owned();
        credentials.helper_time = Duration::from_secs(5);
        credentials.of(server).await
    }
}

/// `user:p:w`.
const AUTH: &str = "dXNlcjpwOnc=";

#[tokio::test]
async fn the_file_itself() {
    let site = Site::new(&format!(
        r#"{{"auths":{{"r.example:5000":{{"auth":"{AUTH}"}},"https://index.docker.io/v1/":{{"auth":"{AUTH}"}},
            "token.example":{{"auth":"dXNlcjo=","identitytoken":"T"}},"empty.example":{{}},
            "plain.example":{{"username":"a","password":"b","auth":""}},"broken.example":{{"auth":"%%"}}}},
            "HttpHeaders":{{}}}}"#
    ));
    for server in ["r.example:5000", HUB] {
        let found = site.ask(server).await.unwrap().unwrap();
        let pair = (found.username.as_deref(), found.password.as_deref());
        assert_eq!(pair, (Some("user"), Some("p:w")), "{server}");
        assert_eq!(found.serveraddress.as_deref(), Some(server));
    }
    assert_eq!(site.ask("token.example").await.unwrap().unwrap().identitytoken.as_deref(), Some("T"));
    assert_eq!(site.ask("plain.example").await.unwrap().unwrap().username.as_deref(), Some("a"));
    for server in ["empty.example", "other.example", "r.example"] {
        assert_eq!(site.ask(server).await, Ok(None), "{server}");
    }
    assert!(matches!(site.ask("broken.example").await, Err(CredentialError::Entry { .. })));
}

#[tokio::test]
async fn no_file_is_no_credentials_and_a_broken_one_is_said() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(Credentials::new(Some(directory.path())).of(HUB).await, Ok(None));
    let site = Site::new(r#"{"auths": {"x": {"auth": "c2VjcmV0"#);
    let error = site.ask("x").await.unwrap_err().to_string();
    assert!(error.contains("config.json") && !error.contains("c2VjcmV0"), "{error}");
    assert_eq!(Site::new("{}").ask("x").await, Ok(None));
}

/// A program in the site's directory.
fn helper(site: &Site, name: &str, script: &str) {
    let path = site.directory.path().join(format!("docker-credential-{name}"));
    // Written by another process: a descriptor of ours that is open for writing could be inherited by a concurrent fork,
    // and then the file cannot be run.
    let mut shell = std::process::Command::new("sh")
        .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
        .arg(&path)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut shell.stdin.take().unwrap(), format!("#!/bin/sh\n{script}\n").as_bytes()).unwrap();
    assert!(shell.wait().unwrap().success());
}

#[tokio::test]
async fn helpers() {
    let site = Site::new(
        r#"{"auths":{"r.example":{}},"credsStore":"store",
            "credHelpers":{"one.example":"one","token.example":"token","hangs.example":"hangs","none.example":"none",
                           "fails.example":"fails","lies.example":"lies","gone.example":"gone","bad.example":"../x",
                           "docker.io":"one"}}"#,
    );
    helper(&site, "one", r#"read s; echo "{\"Username\":\"$1\",\"Secret\":\"of $s\"}""#);
    helper(&site, "token", r#"echo '{"Username":"<token>","Secret":"T"}'"#);
    helper(&site, "hangs", "exec sleep 60");
    helper(&site, "none", "echo credentials not found in native keychain; exit 1");
    helper(&site, "fails", "echo secret; exit 3");
    helper(&site, "lies", "echo secret");
    helper(&site, "store", r#"read s; echo "{\"Username\":\"store\",\"Secret\":\"$s\"}""#);

    let found = site.ask("one.example").await.unwrap().unwrap();
    assert_eq!((found.username.as_deref(), found.password.as_deref()), (Some("get"), Some("of one.example")));
    assert_eq!(site.ask(HUB).await.unwrap().unwrap().password, Some(format!("of {HUB}")));
    let found = site.ask("r.example").await.unwrap().unwrap();
    assert_eq!((found.username.as_deref(), found.password.as_deref()), (Some("store"), Some("r.example")));
    assert_eq!(site.ask("token.example").await.unwrap().unwrap().identitytoken.as_deref(), Some("T"));
    assert_eq!(site.ask("none.example").await, Ok(None));
    for (server, sign) in [
        ("hangs.example", "did not answer within"),
        ("fails.example", "failed (exit status: 3)"),
        ("lies.example", "an answer that is none"),
        ("gone.example", "is not in PATH"),
        ("bad.example", "no usable name"),
    ] {
        let error = site.ask(server).await.unwrap_err().to_string();
        assert!(error.contains(sign) && !error.contains("secret"), "{server}: {error}");
    }
}
