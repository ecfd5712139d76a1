//! From YAML to a policy, with errors that say file, line, the key and its nearest known neighbour.
