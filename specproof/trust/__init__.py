"""Nobody has to trust us: certificates that anybody can re-check, second solvers, sanity, an audit of the assumptions."""
