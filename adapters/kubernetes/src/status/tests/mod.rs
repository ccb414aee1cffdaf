mod life;
mod scenarios;
mod writes;
