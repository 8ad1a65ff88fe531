# A small MCP server without sessions, on port 9000 of a test host: `quick` answers at once, `slow` with an event each second for 20 s.
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    # Headers and body in one write, which else wait for each other (Nagle).
    wbufsize = -1

    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        method, params = message.get('method'), message.get('params', {})
        if 'id' not in message:
            return self.answer(202, b'')
        if method == 'initialize':
            return self.result(message, {'protocolVersion': '2025-06-18', 'capabilities': {'tools': {}}, 'serverInfo': {'name': 'stub', 'version': '1'}})
        if method == 'tools/call' and params.get('name') == 'slow':
            return self.slow(message)
        if method == 'tools/call':
            return self.result(message, {'content': [{'type': 'text', 'text': 'quick'}]})
        self.answer(200, json.dumps({'jsonrpc': '2.0', 'id': message['id'], 'error': {'code': -32601, 'message': 'Method not found'}}).encode())

    def do_GET(self):
        self.answer(405, b'')

    do_DELETE = do_GET

    def slow(self, message):
        self.send_response(200)
        self.send_header('Content-Type', 'text/event-stream')
        self.send_header('Connection', 'close')
        self.end_headers()
        for second in range(20):
            self.say({'jsonrpc': '2.0', 'method': 'notifications/message', 'params': {'level': 'info', 'data': second}})
            time.sleep(1)
        self.say({'jsonrpc': '2.0', 'id': message['id'], 'result': {'content': [{'type': 'text', 'text': 'slow'}]}})
        self.close_connection = True

    def say(self, message):
        self.wfile.write(f'event: message\ndata: {json.dumps(message)}\n\n'.encode())
        self.wfile.flush()

    def result(self, message, result):
        self.answer(200, json.dumps({'jsonrpc': '2.0', 'id': message['id'], 'result': result}).encode())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


Server(('0.0.0.0', 9000), Handler).serve_forever()
