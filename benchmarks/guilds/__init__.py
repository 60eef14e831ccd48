"""Guilds that never were: members with habits, drift, errors and attacks, by fixed seeds."""
