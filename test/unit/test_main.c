/* anycable_main: what it says to flags, variables and the impossible. */
#include "main_fixture.h"

static int run_without_app(int argc, char **argv) {
  return anycable_main(NULL, argc, argv);
}

static int run_without_factory(int argc, char **argv) {
  return anycable_main(anycable_app_new(), argc, argv);
}

/* --- flags and variables -------------------------------------------------- */

static void test_help(void **state) {
  (void)state;
  static const char *const words[] = {"--help", "-h", "--debug --help x",
                                      "--unknown -h", "--log-level=loud -h"};
  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
    start(run_main, words[i]);
    assert_ends(0);
    assert_memory_equal(process.said, "usage: backend [flags]\n", 23);
    assert_said("\n  --rpc-host=ADDRESS\n");
    assert_said("\n  --help, -h\n");
    assert_said("application: freed\n");
  }
}

static void test_version(void **state) {
  (void)state;
  start(run_main, "--version");
  assert_ends(0);
  assert_memory_equal(process.said, "libanycable " ANYCABLE_VERSION_STRING " (",
                      strlen(ANYCABLE_VERSION_STRING) + 14);
  assert_said("nghttp2 ");
}

static void test_bad_arguments(void **state) {
  (void)state;
  static const struct {
    const char *words;
    const char *said;
  } cases[] = {
      {"--rpc-pool-size=many",
       "backend: --rpc-pool-size: \"many\" is not allowed; use 0 to 1024\n"},
      {"--rpc-host",
       "backend: --rpc-host: a value is missing; use --rpc-host=ADDRESS\n"},
      {"--rpc-tls-cert=c", "backend: --rpc-tls-cert: --rpc-tls-key is missing"},
      {"file", "backend: unknown argument \"file\"; see backend --help\n"},
      {"--debug --rpc_host=x y",
       "backend: unknown argument \"--rpc_host\"; see backend --help\n"},
      {"-- --help", "backend: unknown argument \"--help\"; see"},
      {"-- --version", "backend: unknown argument \"--version\"; see"},
      {"x\x1b\n", "backend: unknown argument \"x\\x1b\\n\"; see"},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    start(run_main, cases[i].words);
    assert_ends(2);
    assert_said(cases[i].said);
    assert_said("application: freed\n");
  }
}

static void test_mistyped_secret_is_not_shown(void **state) {
  (void)state;
  static const char *const words[] = {"--secrt=HIDDEN", "--secrt HIDDEN"};
  for (size_t i = 0; i < 2; i++) {
    start(run_main, words[i]);
    assert_ends(2);
    assert_said("unknown argument \"--secrt\"");
    assert_not_said("HIDDEN");
  }
}

static void test_bad_environment(void **state) {
  (void)state;
  setenv("ANYCABLE_LOG_LEVEL", "loud", 1);
  start(run_main, "--rpc-pool-size=many");
  assert_ends(2);
  assert_said(
      "backend: ANYCABLE_LOG_LEVEL: \"loud\" is not allowed; use debug");
  assert_not_said("rpc-pool-size");
  start(run_main, "--help");
  assert_ends(0);
  unsetenv("ANYCABLE_LOG_LEVEL");
}

static void test_cannot_serve(void **state) {
  (void)state;
  start(run_main, "--rpc-host=unix:/nowhere/socket");
  assert_ends(1);
  assert_said("backend: rpc_host: \"unix:/nowhere/socket\" cannot be listened "
              "on: No such file or directory\n");
  assert_said("application: freed\n");
  start(run_main, ANY_PORT " --http-host=none");
  assert_ends(1);
  assert_said("backend: http_host: \"none\" has no port; use host:port");
  start(run_main, "--http-host=127.0.0.1:0 --http-health-port=1 "
                  "--rpc-host=none --http-rpc-mount-path=/a "
                  "--http-metrics-path=/a/connect");
  assert_ends(2);
  assert_said("http_rpc_mount_path: health or metrics are below it");
  start(run_main, ANY_PORT " --http-health-path=/a --http-metrics-path=/a");
  assert_ends(2);
  assert_said("http_health_path: is http_metrics_path too");
  start(run_main, "--rpc-host=:0 --http-rpc-mount-path=/a");
  assert_ends(2);
  assert_said("http_rpc_mount_path: other machines can reach [::]:");
  start(run_main, "--rpc-host=none");
  assert_ends(2);
  assert_said("backend: rpc_host: \"none\" leaves nothing to be served");
  start(run_main, "--log-file=/nowhere/log");
  assert_ends(1);
  assert_said("backend: log_file: \"/nowhere/log\" cannot be opened: No such "
              "file or directory\n");
  assert_said("application: freed\n");
  start(run_main, "--rpc-tls-cert=/nowhere/cert --rpc-tls-key=/nowhere/key");
  assert_ends(1);
  assert_said("backend: rpc_tls_cert: cannot read /nowhere/cert: ");
  start(run_main, ANY_PORT " --rpc-tls-client-ca=ca.pem");
  assert_ends(2);
  assert_said("backend: rpc_tls_client_ca: has no effect without rpc_tls_cert");
  start(run_without_factory, "");
  assert_ends(1);
  assert_memory_equal(process.said, "backend: ", 9);
  start(run_without_app, "");
  assert_ends(1);
  assert_string_equal(process.said, "backend: out of memory\n");
}

static int run_without_arguments(int argc, char **argv) {
  (void)argc;
  (void)argv;
  char *none[] = {NULL};
  if (anycable_main(NULL, 0, none) != 1 || anycable_main(NULL, 1, NULL) != 1)
    return 99;
  return anycable_main(NULL, -1, NULL);
}

static void test_no_arguments_at_all(void **state) {
  (void)state;
  start(run_without_arguments, "");
  assert_ends(1);
  assert_string_equal(process.said, "anycable: out of memory\n"
                                    "anycable: out of memory\n"
                                    "anycable: out of memory\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_help),
      cmocka_unit_test(test_version),
      cmocka_unit_test(test_bad_arguments),
      cmocka_unit_test(test_mistyped_secret_is_not_shown),
      cmocka_unit_test(test_bad_environment),
      cmocka_unit_test(test_cannot_serve),
      cmocka_unit_test(test_no_arguments_at_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
