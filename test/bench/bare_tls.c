/* What OpenSSL takes by itself: prints the resident memory, in KiB, of a
 * program that has loaded a certificate and its key, and does nothing else. No
 * server with TLS can take less. */
#include <openssl/ssl.h>
#include <stdio.h>

int main(int argc, char **argv) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
  char line[200];
  long kib = 0;
  if (argc != 3 || !ctx ||
      SSL_CTX_use_certificate_chain_file(ctx, argv[1]) != 1 ||
      SSL_CTX_use_PrivateKey_file(ctx, argv[2], SSL_FILETYPE_PEM) != 1)
    return 1;
  FILE *status = fopen("/proc/self/status", "r");
  while (status && fgets(line, sizeof(line), status)) {
    if (sscanf(line, "VmRSS: %ld", &kib) == 1)
      break;
  }
  printf("%ld\n", kib);
  return kib == 0;
}
