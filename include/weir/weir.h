// weir.h - TCP servers written once and run on any I/O model; <weir/simulation.h> is apart.
//
// Most headers below open with an example. docs/MODELS.md tells the models apart.
#pragma once

#include <weir/channel.h>
#include <weir/client.h>
#include <weir/connection.h>
#include <weir/diagnosis.h>
#include <weir/endpoint.h>
#include <weir/error.h>
#include <weir/histogram.h>
#include <weir/model.h>
#include <weir/network.h>
#include <weir/options.h>
#include <weir/reader.h>
#include <weir/server.h>
#include <weir/task.h>
#include <weir/time.h>
#include <weir/trace.h>
#include <weir/when.h>
