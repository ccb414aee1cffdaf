mod answers;
mod drain;
mod health;
mod hostile;
mod limits;
mod management;
mod peers;
mod tls;
