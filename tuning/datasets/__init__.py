"""Labels as something to train on and to be measured by: immutable versions, split so that nothing leaks."""
