//! What is known of cells.
