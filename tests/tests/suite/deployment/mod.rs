//! What `deploy/` promises: the compose file, the services of systemd, the operator's manifests, the images.

mod compose;
mod dockerfiles;
pub(crate) mod images;
mod operator;
mod proxy;
mod services;
