"""Opens and clicks in front of Django: a token, a link, one append. No session, no middleware, no database.

web process: `app` answers, `links` knows where a click goes, `queue` appends. worker: `drain` turns hits into events.
"""
