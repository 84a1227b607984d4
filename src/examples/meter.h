/* The service of the loop examples: a meter that rises by one with every tick
 * of the host's own timer, shown live to whoever subscribes, and set back to
 * zero by an action.
 *
 * Ticks and handlers run on one thread, the loop's: the level needs no lock. */
#include <anycable.h>
#include <stdio.h>

static int meter_level;

static anycable_str meter_text(char (*out)[16]) {
  anycable_str text = {*out, 0};
  text.len = (size_t)snprintf(*out, sizeof *out, "%d", meter_level);
  return text;
}

/* The host's timer calls this. */
static void meter_tick(anycable_app *app) {
  char text[16];
  meter_level++;
  /* Fails while the queue is full, as when nobody can be reached: the next tick
   * tells a newer level anyway. */
  (void)anycable_app_broadcast(app, ANYCABLE_STR("meter"), meter_text(&text),
                               NULL);
}

static int meter_subscribed(anycable_channel *channel, void *ctx) {
  char text[16];
  (void)ctx;
  anycable_channel_stream_from(channel, NULL, ANYCABLE_STR("meter"));
  return anycable_channel_transmit(channel, meter_text(&text));
}

static int meter_reset(anycable_channel *channel, anycable_str data,
                       void *ctx) {
  (void)data, (void)ctx;
  meter_level = 0;
  return anycable_channel_transmit_string(channel, ANYCABLE_STR("reset"));
}

static void meter_register(anycable_app *app) {
  anycable_channel_class *meter = anycable_app_channel(app, "MeterChannel");
  anycable_channel_class_on_subscribe(meter, meter_subscribed, NULL);
  anycable_channel_class_on_action(meter, "reset", meter_reset, NULL);
}

/* Makes a server as the environment and the arguments say; NULL, and standard
 * error says why, if that is not possible. */
static inline anycable_server *meter_server(anycable_app *app, int argc,
                                            char **argv) {
  anycable_server *server = NULL;
  anycable_config *config = anycable_config_new();
  anycable_config_load_env(config);
  anycable_config_load_args(config, &argc, argv);
  if (anycable_server_new(&server, app, config) != ANYCABLE_OK)
    fprintf(stderr, "%s\n", anycable_app_error(app));
  else
    printf("listening on %s\n", anycable_server_address(server, 0));
  fflush(stdout);
  anycable_config_free(config);
  return server;
}
