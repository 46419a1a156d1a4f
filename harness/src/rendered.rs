//! One subject under one overlay as the rendered lane sees it.

/// What Helm renders for a subject and overlay, and everything that can be asked of it.
#[derive(Debug)]
pub struct Rendered {}
