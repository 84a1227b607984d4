"""A private authority and what it signed, made by openssl."""
import os
import subprocess


def _openssl(*words):
    subprocess.run(['openssl', *words], check=True, capture_output=True)


def _new(file, name, subject, out, *more):
    _openssl('req', '-new', '-newkey', 'ec', '-pkeyopt',
             'ec_paramgen_curve:prime256v1', '-nodes', '-keyout',
             file(name + '.key'), '-subj', subject, '-out', out, *more)


def make(folder):
    """ca.pem and other.pem, two authorities; server.pem and client.pem, signed
    by the first, for 127.0.0.1. Returns a function that gives their paths."""
    def file(name):
        return os.path.join(folder, name)

    for name in ('ca', 'other'):
        _new(file, name, '/CN=A private authority (%s)' % name,
             file(name + '.pem'), '-x509', '-days', '2')
    with open(file('ext'), 'w') as ext:
        ext.write('subjectAltName=IP:127.0.0.1,DNS:localhost\n')
    for name in ('server', 'client'):
        _new(file, name, '/CN=' + name, file(name + '.csr'))
        _openssl('x509', '-req', '-in', file(name + '.csr'), '-CA',
                 file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial',
                 '-days', '2', '-extfile', file('ext'), '-out',
                 file(name + '.pem'))
    return file
