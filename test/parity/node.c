/* Runs sessions through a node, and prints what comes of each step:
 *
 *   {"line":12,"who":"jack","frame":{...}}       a client has received this
 *   {"line":12,"who":"jack","closed":[1000,"Auth Failed"]}
 *   {"line":12,"who":"","frame":{...}}           the application says this
 *
 *   node SCRIPT, in the form that sessions.txt explains */
#include <anycable/node.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"

enum { CLIENTS = 16, LINE = 4096 };

static struct {
  char name[32];
  anycable_client *client;
  bool closed; /* and told so */
} clients[CLIENTS];

static struct {
  char name[32];
  char identifier[512];
} names[CLIENTS * 4];

static int line_number;
static anycable_app *app;
static anycable_node *node;

static void log_line(const char *line) {
  printf("{\"line\":%d,\"who\":\"\",\"frame\":%s}\n", line_number, line);
}

static void begin(bool broker) {
  anycable_node_free(node);
  anycable_app_free(app);
  memset(clients, 0, sizeof(clients));
  app = parity_app(log_line);
  node = anycable_node_new(app);
  if (!node) {
    fprintf(stderr, "%s\n", anycable_app_error(app));
    exit(1);
  }
  if (broker)
    anycable_node_use_broker(node);
}

static anycable_client *find(const char *name) {
  for (int i = 0; i < CLIENTS; i++) {
    if (strcmp(clients[i].name, name) == 0)
      return clients[i].client;
  }
  return NULL;
}

static char *word(char **rest) {
  char *begin_at = *rest + strspn(*rest, " ");
  *rest = begin_at + strcspn(begin_at, " ");
  if (**rest)
    *(*rest)++ = '\0';
  return begin_at;
}

/* An identifier that was given a name; or the text itself. */
static const char *identifier(const char *name) {
  for (int i = 0; i < CLIENTS * 4; i++) {
    if (names[i].name[0] && strcmp(names[i].name, name) == 0)
      return names[i].identifier;
  }
  return name;
}

static void set_name(const char *name, const char *text) {
  int i = 0;
  while (i < CLIENTS * 4 - 1 && names[i].name[0])
    i++;
  snprintf(names[i].name, sizeof(names[i].name), "%s", name);
  snprintf(names[i].identifier, sizeof(names[i].identifier), "%s", text);
}

static void connect(const char *name, char *rest) {
  char url[1024];
  const char *const headers[] = {"cookie", "a=1; b=2", NULL};
  const anycable_client_options options = {
      .size = sizeof(options), .sid = name, .headers = headers};
  snprintf(url, sizeof(url), "ws://localhost/cable%s", rest);
  for (int i = 0; i < CLIENTS; i++) {
    if (clients[i].client)
      continue;
    snprintf(clients[i].name, sizeof(clients[i].name), "%s", name);
    clients[i].client = anycable_node_connect(node, url, &options);
    return;
  }
}

static void show(void) {
  anycable_str frame;
  for (int i = 0; i < CLIENTS; i++) {
    anycable_client *client = clients[i].client;
    while ((frame = anycable_client_receive(client)).len > 0)
      printf("{\"line\":%d,\"who\":\"%s\",\"frame\":%s}\n", line_number,
             clients[i].name, frame.ptr);
    if (!client || clients[i].closed || !anycable_client_close_code(client))
      continue;
    clients[i].closed = true;
    printf("{\"line\":%d,\"who\":\"%s\",\"closed\":[%d,\"%s\"]}\n", line_number,
           clients[i].name, anycable_client_close_code(client),
           anycable_client_close_reason(client));
  }
}

static void step(char *line) {
  char *rest = line;
  const char *verb = word(&rest);
  if (strcmp(verb, "session") == 0) {
    begin(strcmp(word(&rest), "broker") == 0);
    return;
  }
  if (strcmp(verb, "publish") == 0 || strcmp(verb, "disconnect") == 0) {
    anycable_node_publish(node, anycable_str_of(rest));
    return;
  }
  const char *name = word(&rest);
  if (strcmp(verb, "name") == 0) {
    set_name(name, rest);
    return;
  }
  anycable_client *client = find(name);
  if (strcmp(verb, "connect") == 0)
    connect(name, rest);
  else if (strcmp(verb, "send") == 0)
    anycable_client_send(client, rest);
  else if (strcmp(verb, "close") == 0)
    anycable_client_close(client);
  else if (strcmp(verb, "subscribe") == 0)
    anycable_client_subscribe(client, identifier(rest));
  else if (strcmp(verb, "unsubscribe") == 0)
    anycable_client_unsubscribe(client, identifier(rest));
  else if (strcmp(verb, "perform") == 0) {
    const char *subscription = identifier(word(&rest));
    anycable_client_perform(client, subscription, rest);
  } else if (strcmp(verb, "whisper") == 0) {
    const char *subscription = identifier(word(&rest));
    anycable_client_whisper(client, subscription, rest);
  } else {
    fprintf(stderr, "line %d: %s?\n", line_number, verb);
    exit(1);
  }
}

int main(int argc, char **argv) {
  static char line[LINE];
  FILE *script = argc == 2 ? fopen(argv[1], "r") : NULL;
  if (!script) {
    fprintf(stderr, "usage: node SCRIPT\n");
    return 1;
  }
  while (fgets(line, sizeof(line), script)) {
    line_number++;
    line[strcspn(line, "\n")] = '\0';
    if (line[0] == '\0' || line[0] == '#')
      continue;
    step(line);
    show();
  }
  fclose(script);
  anycable_node_free(node);
  anycable_app_free(app);
  return 0;
}
