//! The memory map of one tree, and what can be learned from it: free memory, collisions, what changed against
//! another map, how far a claim may grow, and where a kernel fits.

pub mod chart;
pub mod compare;
pub mod entries;
pub mod headroom;
pub mod placement;
