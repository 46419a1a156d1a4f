//! Planted defects: that each is found, and nothing else with it.
