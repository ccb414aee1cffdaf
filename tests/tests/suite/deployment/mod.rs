//! What `deploy/` promises: the compose file, the services of systemd, the images.

mod compose;
mod dockerfiles;
pub(crate) mod images;
mod proxy;
mod services;
