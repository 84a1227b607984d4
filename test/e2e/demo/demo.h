/* The demo's parts: what they show each other. */
#ifndef DEMO_H
#define DEMO_H

#include <stdbool.h>
#include <stddef.h>

/* Prints what goes over the wire, in one line or several: |lane| says between
 * whom. */
void show(const char *lane, const char *text);

/* A relay between |caller|, a name to show, and the backend at the unix socket
 * |path|, which shows each call and each answer on its way. Returns the port
 * of 127.0.0.1 where it listens, -1 if it cannot. It runs until the program
 * ends. */
int tap_start(const char *path, const char *caller);

/* Waits until |count| calls of |method| ("Disconnect") were answered. */
void tap_wait(const char *method, int count);

/* A WebSocket, of which the demo sees text only. */
typedef struct websocket websocket;

/* NULL if nobody listens at the port of 127.0.0.1, or does not want it. */
websocket *websocket_open(int port, const char *path);
bool websocket_send(websocket *socket, const char *text);
/* The next text, to be freed; NULL when the other side has closed, or said
 * nothing for ten seconds. */
char *websocket_receive(websocket *socket);
/* Says goodbye, and frees it. */
void websocket_close(websocket *socket);

/* A connection to the port of 127.0.0.1, or -1. */
int dial(int port);

#endif
