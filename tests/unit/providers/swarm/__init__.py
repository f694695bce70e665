"""The swarm provider without a swarm."""
