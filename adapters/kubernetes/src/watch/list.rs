use super::decode::{self, Page};
use super::record::Record;
use super::source::Source;
use crate::connection::{ApiFailure, Call, send};

/// Reads a list page by page.
///
/// Without a resourceVersion the answer is what a majority of the store says, whichever API server gives it: a list is
/// the one thing that cannot be stale.
pub(super) struct Pages<'a> {
    source: &'a Source,
    limit: u32,
    next: Option<String>,
}

impl<'a> Pages<'a> {
    /// `whole` asks for everything at once, for a server on which continuing always comes too late.
    pub(super) fn new(source: &'a Source, whole: bool) -> Self {
        let limit = if whole { 0 } else { source.options.page };
        Self { source, limit, next: Some(String::new()) }
    }

    /// The next page, or `None` behind the last.
    pub(super) async fn next<R: Record>(&mut self) -> Result<Option<Page<R>>, ApiFailure> {
        let Some(token) = self.next.take() else { return Ok(None) };
        let Source { client, resource, scope, options, .. } = self.source;
        let mut query = Query::new(&resource.collection(scope.namespace.as_deref()));
        if self.limit > 0 {
            query = query.with("limit", &self.limit.to_string());
        }
        query = query.with_some("continue", &token).with_some("labelSelector", &scope.labels);
        let reply = send(client, &Call::get(query.done(), options.list_timeout)).await?;
        let page: Page<R> =
            decode::page(&reply.body).map_err(|error| ApiFailure::Malformed { message: error.to_string() })?;
        self.next = Some(page.next.clone()).filter(|next| !next.is_empty());
        Ok(Some(page))
    }
}

/// A path with parameters.
pub(super) struct Query {
    uri: String,
    first: bool,
}

impl Query {
    pub(super) fn new(path: &str) -> Self {
        Self { uri: path.to_owned(), first: true }
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.uri.push(if self.first { '?' } else { '&' });
        self.first = false;
        self.uri.push_str(name);
        self.uri.push('=');
        for byte in value.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => self.uri.push(byte.into()),
                byte => self.uri.push_str(&format!("%{byte:02X}")),
            }
        }
        self
    }

    pub(super) fn with_some(self, name: &str, value: &str) -> Self {
        if value.is_empty() { self } else { self.with(name, value) }
    }

    pub(super) fn done(self) -> String {
        self.uri
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_escaped() {
        let uri = Query::new("/api/v1/pods")
            .with("limit", "5")
            .with_some("continue", "")
            .with("labelSelector", "app in (a,b)");
        assert_eq!(uri.done(), "/api/v1/pods?limit=5&labelSelector=app%20in%20%28a%2Cb%29");
    }
}
