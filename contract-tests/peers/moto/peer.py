"""moto's S3 on a loopback port: python peer.py PORT"""

import sys

import repairs
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
from werkzeug.test import run_wsgi_app


# The outermost elements that moto misnames, which strict parsers refuse, by the query that asks for them.
NAMES = {
    "uploadId=": (b"ListPartsResponse", b"ListPartsResult"),
    "versioning": (b"GetBucketVersioningResponse", b"VersioningConfiguration"),
}


def with_right_names(app):
    def call(environ, start_response):
        query = environ.get("QUERY_STRING", "") if environ["REQUEST_METHOD"] == "GET" else ""
        names = next((names for mark, names in NAMES.items() if mark in query), None)
        if names is None:
            return app(environ, start_response)
        body, status, headers = run_wsgi_app(app, environ, buffered=True)
        text = b"".join(body).replace(*names)
        headers["Content-Length"] = str(len(text))
        start_response(status, list(headers))
        return [text]

    return call


if __name__ == "__main__":
    repairs.apply()
    moto = DomainDispatcherApplication(create_backend_app)
    run_simple("127.0.0.1", int(sys.argv[1]), with_right_names(moto), threaded=True)
