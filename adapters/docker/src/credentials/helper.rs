//! Programs that keep credentials for Docker's client.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use docker_credential::DockerCredential;
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::CredentialError;

/// More than any answer has.
const MAX_ANSWER: u64 = 64 << 10;

/// What a helper answers to `get`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// Asks `docker-credential-<helper>` for the credentials of a registry; `None` where it has none.
///
/// A helper that takes longer than `limit` is killed. It gets our environment, for clouds keep their own credentials in
/// it, but no variable that may hold a key of the operator.
pub(super) async fn ask(
    folder: &Path,
    helper: &str,
    server: &str,
    limit: Duration,
) -> Result<Option<DockerCredential>, CredentialError> {
    let fail = |problem: String| CredentialError::Helper { helper: helper.into(), problem };
    if !helper.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) {
        return Err(fail("has no usable name".into()));
    }
    let work = async {
        let mut command = Command::new(folder.join(format!("docker-credential-{helper}")));
        command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        for name in std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).filter(|name| is_ours(name)) {
            command.env_remove(name);
        }
        let mut child = command.spawn().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => fail("is not in PATH: install it, or remove it from config.json".into()),
            _ => fail(format!("cannot be run: {error}")),
        })?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        if let Some(mut stdin) = stdin {
            // One that does not read may still answer.
            let _closed = stdin.write_all(server.as_bytes()).await;
        }
        let mut answer = Vec::new();
        if let Some(stdout) = stdout {
            let read = stdout.take(MAX_ANSWER).read_to_end(&mut answer).await;
            read.map_err(|error| fail(format!("cannot be read: {error}")))?;
        }
        let status = child.wait().await.map_err(|error| fail(format!("cannot be waited for: {error}")))?;
        if !status.success() {
            // The words of Docker's own helpers, which come on standard output.
            let none = String::from_utf8_lossy(&answer).contains("credentials not found");
            return if none { Ok(None) } else { Err(fail(format!("failed ({status}): try it by hand"))) };
        }
        let parsed: Answer = serde_json::from_slice(&answer).map_err(|_| fail("gave an answer that is none".into()))?;
        Ok(Some(match parsed.username.as_str() {
            "<token>" => DockerCredential::IdentityToken(parsed.secret),
            _ => DockerCredential::UsernamePassword(parsed.username, parsed.secret),
        }))
    };
    match tokio::time::timeout(limit, work).await {
        Ok(answered) => answered,
        Err(_) => Err(fail(format!("did not answer within {} s", limit.as_secs_f32()))),
    }
}

fn is_ours(name: &str) -> bool {
    name.starts_with("HOURGLASS_") || name == "ECDSA_PRIVATE_KEY" || name == "BLS_PRIVATE_KEY"
}
