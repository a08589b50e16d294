import { mount } from 'svelte';
import 'uplot/dist/uPlot.min.css';
import './page.css';
import App from './App.svelte';

const target = document.getElementById('app');
if (!target) throw new Error('the page has no #app');

mount(App, { target });
