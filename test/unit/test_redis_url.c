/* What is read from a Redis URL, and how wrong ones are refused: in words that
 * never hold a password. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <anycable/error.h>

#include "broadcast/redis.h"
#include "broadcast/redis_url.h"

/* --- one ------------------------------------------------------------------ */

static void assert_text(const char *got, const char *want) {
  if (want)
    assert_non_null(got);
  else
    assert_null(got);
  if (want)
    assert_string_equal(got, want);
}

static void assert_url(const char *text, bool tls, const char *host,
                       unsigned port, const char *user, const char *password,
                       unsigned database) {
  char reason[256] = "";
  struct ac_redis_url url;
  assert_int_equal(ac_redis_url_parse(&url, text, reason, sizeof(reason)), 0);
  assert_string_equal(reason, "");
  assert_int_equal(url.tls, tls);
  assert_null(url.path);
  assert_text(url.host, host);
  assert_int_equal(url.port, port);
  assert_text(url.user, user);
  assert_text(url.password, password);
  assert_int_equal(url.database, database);
  ac_redis_url_deinit(&url);
}

static void reads_urls(void **state) {
  (void)state;
  assert_url("redis://localhost:6379", false, "localhost", 6379, NULL, NULL, 0);
  assert_url("redis://localhost", false, "localhost", 6379, NULL, NULL, 0);
  assert_url("redis://", false, "localhost", 6379, NULL, NULL, 0);
  assert_url("redis://:7000/3", false, "localhost", 7000, NULL, NULL, 3);
  assert_url("rediss://10.0.0.1:1/", true, "10.0.0.1", 1, NULL, NULL, 0);
  assert_url("redis://[::1]:65535/15", false, "::1", 65535, NULL, NULL, 15);
  assert_url("redis://[fe80::1%eth0]", false, "fe80::1%eth0", 6379, NULL, NULL,
             0);
  assert_url("redis://my_master-1.x?db=4", false, "my_master-1.x", 6379, NULL,
             NULL, 4);
  assert_url("redis://h/1?ssl_cert_reqs=none&x", false, "h", 6379, NULL, NULL,
             1);
}

static void reads_logins(void **state) {
  (void)state;
  assert_url("redis://jack:secret@h", false, "h", 6379, "jack", "secret", 0);
  assert_url("redis://:secret@h:1", false, "h", 1, NULL, "secret", 0);
  assert_url("redis://secret@h", false, "h", 6379, NULL, "secret", 0);
  assert_url("redis://jack:@h", false, "h", 6379, "jack", "", 0);
  assert_url("redis://@h", false, "h", 6379, NULL, NULL, 0);
  assert_url("redis://:@h", false, "h", 6379, NULL, NULL, 0);
  assert_url("redis://a%3Ab:p%40%2f%25%20+@h", false, "h", 6379, "a:b",
             "p@/% +", 0);
  assert_url("redis://:a@b:c@h", false, "h", 6379, NULL, "a@b:c", 0);
}

static void assert_unix(const char *text, const char *path, const char *user,
                        const char *password, unsigned database) {
  char reason[256] = "";
  struct ac_redis_url url;
  assert_int_equal(ac_redis_url_parse(&url, text, reason, sizeof(reason)), 0);
  assert_text(url.path, path);
  assert_text(url.host, "");
  assert_text(url.user, user);
  assert_text(url.password, password);
  assert_int_equal(url.database, database);
  ac_redis_url_deinit(&url);
}

static void reads_unix_sockets(void **state) {
  (void)state;
  assert_unix("unix:///run/redis.sock", "/run/redis.sock", NULL, NULL, 0);
  assert_unix("unix:/run/redis.sock", "/run/redis.sock", NULL, NULL, 0);
  assert_unix("unix:///run/a@b.sock?db=2", "/run/a@b.sock", NULL, NULL, 2);
  assert_unix("unix://jack:x%2Fy@/r%20s", "/r s", "jack", "x/y", 0);
  assert_unix("unix://secret@/r", "/r", NULL, "secret", 0);
}

/* Every one has "hidden" in it where a password may be. */
static void assert_refused(const char *text, const char *why) {
  char reason[256] = "";
  assert_int_equal(ac_redis_url_check(text, reason, sizeof(reason)),
                   ANYCABLE_ERR_INVALID);
  if (!strstr(reason, why))
    fail_msg("\"%s\": \"%s\" does not have \"%s\"", text, reason, why);
  assert_null(strstr(reason, "hidden"));
}

static void refuses_bad_urls(void **state) {
  (void)state;
  char path[200] = "unix:///";
  char host[400] = "redis://";
  memset(path + strlen(path), 'x', 120);
  memset(host + strlen(host), 'x', 300);
  assert_refused("", "does not begin with redis://");
  assert_refused("localhost:6379", "does not begin with redis://");
  assert_refused("http://:hidden@h", "does not begin with redis://");
  assert_refused("REDIS://h", "does not begin with redis://");
  assert_refused("redis://h:0", "no port from 1 to 65535");
  assert_refused("redis://h:65536", "no port from 1 to 65535");
  assert_refused("redis://h:", "no port from 1 to 65535");
  assert_refused("redis://h:1x", "no port from 1 to 65535");
  assert_refused("redis://h:+1", "no port from 1 to 65535");
  assert_refused("redis://:hidden/x@h", "no port from 1 to 65535");
  assert_refused("redis://:hidden?x@h", "no port from 1 to 65535");
  assert_refused("redis://:hidden#x@h", "has a '#'");
  assert_refused("redis://:hid den@h", "a space or a control");
  assert_refused("redis://:hidden%zz@h", "two hex digits");
  assert_refused("redis://:hidden%0@h", "two hex digits");
  assert_refused("redis://:hidden%00@h", "two hex digits");
  assert_refused("redis://:hidden%@h", "two hex digits");
  assert_refused("redis://h\r\nx", "a space or a control");
  assert_refused("redis://::1", "IPv6 address needs brackets");
  assert_refused("redis://[::1", "has a '['");
  assert_refused("redis://[::1]x", "has a '['");
  assert_refused("redis://[hidden]", "than an IPv6 address");
  assert_refused("redis://[::1%hid/den]", "has a '['");
  assert_refused("redis://[::1%a*b]", "no host has");
  assert_refused("redis://a*b", "no host has");
  assert_refused("redis://h/x", "a database that is not a number");
  assert_refused("redis://h/1/2", "a database that is not a number");
  assert_refused("redis://h/99999999999", "a database that is not a number");
  assert_refused("redis://h?db=", "a database that is not a number");
  assert_refused("unix://", "no path from the root");
  assert_refused("unix:///", "no path from the root");
  assert_refused("unix:redis.sock", "no path from the root");
  assert_refused("unix://:hidden@x/y", "no path from the root");
  assert_refused("unix:///x?db=y", "a database that is not a number");
  assert_refused(path, "too long for a unix socket");
  assert_refused(host, "longer than 255 bytes");
}

/* --- lists ---------------------------------------------------------------- */

static void reads_lists(void **state) {
  (void)state;
  char reason[256] = "";
  struct ac_redis_url *urls;
  size_t count;
  assert_int_equal(
      ac_redis_url_parse_list(
          &urls, &count,
          "one:1, :pass@two:2,rediss://jack:p%2Cw@three:3,redis://[::1],four,",
          reason, sizeof(reason)),
      0);
  assert_int_equal(count, 5);
  assert_text(urls[0].host, "one");
  assert_int_equal(urls[0].port, 1);
  assert_text(urls[0].password, NULL);
  assert_text(urls[1].host, "two");
  assert_text(urls[1].password, "pass");
  assert_false(urls[1].tls);
  assert_text(urls[2].host, "three");
  assert_text(urls[2].user, "jack");
  assert_text(urls[2].password, "p,w");
  assert_true(urls[2].tls);
  assert_text(urls[3].host, "::1");
  assert_int_equal(urls[3].port, 26379);
  assert_text(urls[4].host, "four");
  ac_redis_url_free_list(urls, count);
}

static void assert_list_refused(const char *text, const char *why) {
  char reason[256] = "";
  assert_int_equal(ac_redis_sentinels_check(text, reason, sizeof(reason)),
                   ANYCABLE_ERR_INVALID);
  if (!strstr(reason, why))
    fail_msg("\"%s\": \"%s\" does not have \"%s\"", text, reason, why);
  assert_null(strstr(reason, "hidden"));
}

static void refuses_bad_lists(void **state) {
  (void)state;
  char reason[256];
  assert_list_refused("", "has no sentinel");
  assert_list_refused(" , ,", "has no sentinel");
  assert_list_refused("a:1,b:x", "no port from 1");
  assert_list_refused("a:1,:hidden@b:99999", "no port from 1");
  assert_list_refused("a:1,unix:///x", "a scheme other than");
  assert_list_refused("http://:hidden@a", "a scheme other than");
  assert_list_refused("redis://", "has no host");
  assert_list_refused("a:1/1", "has a database");
  assert_list_refused("a b", "a space or a control");
  assert_int_equal(ac_redis_sentinels_check("a,b", reason, sizeof(reason)), 0);
  assert_int_equal(ac_redis_url_check("redis://a", reason, sizeof(reason)), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_urls),         cmocka_unit_test(reads_logins),
      cmocka_unit_test(reads_unix_sockets), cmocka_unit_test(refuses_bad_urls),
      cmocka_unit_test(reads_lists),        cmocka_unit_test(refuses_bad_lists),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
