"""Mails that come back: bounces, complaints and replies. One is believed about a mail of ours for its signed token."""
