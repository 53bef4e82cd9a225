"""Reviews of data: which bits are forced, to what, for whom, and on which types of hosts."""
