"""The six passes, one a file: resolve, connect, prune, unroll, plan, choose."""
