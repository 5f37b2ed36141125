"""Who is there: sign-in through an OpenID Connect issuer, our own tokens, API keys.

``accounts.Accounts`` is the whole of it without HTTP; ``routes`` and ``bearer`` put it on
the gateway.
"""
