//! Real clusters: what they can, and that nothing is left of them.

mod control_plane;
